// The framework loads CommonJS only, and asks for each variable apart. One build serves all of them.
const variables = new Map();

module.exports = async ({ resolveVariable }) => {
  const config = await resolveVariable("param:config");
  const google = await resolveVariable("param:googleCredentials");
  const dispatchConcurrency = await resolveVariable("param:dispatchConcurrency");
  const keepDays = await resolveVariable("param:keepDays");
  const region = await resolveVariable("self:provider.region");
  const given = { config, googleCredentials: google, region };
  const key = JSON.stringify(given);
  if (!variables.has(key)) {
    variables.set(
      key,
      import("./serverless-variables.ts").then((module) => {
        module.checkParameters({ dispatchConcurrency, keepDays });
        return module.variables(given);
      }),
    );
  }
  return variables.get(key);
};
