// The framework loads CommonJS only, and asks for each variable apart. One build serves all of them.
const variables = new Map();

module.exports = async ({ options, resolveVariable, resolveConfigurationProperty }) => {
  const ours = await import("./serverless-variables.ts");
  // The framework does not tell its command, and asks before every one of them. What goes needs no agents.
  if (process.argv[2] === "remove") return { ...ours.variablesFor([]), googleCredentials: "" };
  const parameters = {
    dispatchConcurrency: await resolveVariable("param:dispatchConcurrency"),
    keepDays: await resolveVariable("param:keepDays"),
    apiRate: await resolveVariable("param:apiRate"),
  };
  const names = {
    given: options.param ?? [],
    known: Object.keys(await resolveConfigurationProperty(["params", "default"])),
  };
  const given = {
    config: await resolveVariable("param:config"),
    googleCredentials: await resolveVariable("param:googleCredentials"),
    region: await resolveVariable("self:provider.region"),
  };
  const key = JSON.stringify(given);
  if (!variables.has(key)) {
    variables.set(
      key,
      (async () => {
        ours.checkParameters(parameters, names);
        return ours.variables(given);
      })().catch(withoutStack),
    );
  }
  return variables.get(key);
};

/** The framework shows the stack of whatever is thrown. Faults of a file or a parameter are not in the code. */
function withoutStack(error) {
  if (error instanceof Error && error.name === "PermanentError") error.stack = error.message;
  throw error;
}
