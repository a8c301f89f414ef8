const ADJECTIVES = (
  "amber bold brave brisk calm clever cosy crisp curious deft eager early fair fleet fond " +
  "frank fresh gentle glad golden grand hardy hazel humble jolly keen kind lively lucid lucky " +
  "mellow merry mild misty neat nimble noble olive patient plain polite proud quick quiet rapid " +
  "ready rosy ruddy sage sandy sharp shy silver sly smooth solar steady stout sunny swift tidy " +
  "warm wise witty"
).split(" ");

const ANIMALS = (
  "badger bat bear beaver bee bison boar crane crow deer dingo dove duck eagle elk falcon ferret " +
  "finch fox frog gecko goat goose gull hare hawk heron horse ibis jackal jay koala lark lemur " +
  "lion lizard llama lynx magpie marten mole moose mouse newt otter owl panda puffin quail rabbit " +
  "raven robin salmon seal shrew snail stork swan tapir tern toad trout vole weasel wolf wren yak"
).split(" ");

/** A name for a run that has none: the same for the same id, and easy to say. */
export function nameFor(id: string): string {
  let value = 7;
  for (let index = 0; index < id.length; index++) {
    value = (value * 131 + id.charCodeAt(index)) % 2_147_483_647;
  }
  const adjective = ADJECTIVES[value % ADJECTIVES.length];
  const animal = ANIMALS[Math.floor(value / ADJECTIVES.length) % ANIMALS.length];
  return `${adjective}-${animal}`;
}
