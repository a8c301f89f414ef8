// The framework loads CommonJS only. It builds what is packaged, then says what the agents need.
const variables = new Map();

module.exports = async ({ resolveVariable }) => {
  const config = await resolveVariable("param:config");
  const google = await resolveVariable("param:googleCredentials");
  if (!variables.has(config)) {
    variables.set(
      config,
      import("./serverless-variables.ts").then((module) => module.variables(config, google)),
    );
  }
  return variables.get(config);
};
