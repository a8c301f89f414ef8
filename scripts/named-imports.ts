import type { Plugin } from "esbuild";

/** CommonJS packages that packages of ours import dynamically, and the names they take from them. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  // Google's library for requests, where HTTPS_PROXY is set.
  "https-proxy-agent": ["HttpsProxyAgent"],
};

const NAMESPACE = "named-imports";

/**
 * Gives dynamic imports of CommonJS packages their names: a bundle has nothing but a `default` for them.
 * Our own code imports such packages through modules of its own; this is for code that is not ours.
 */
export function namedImports(): Plugin {
  return {
    name: NAMESPACE,
    setup({ onResolve, onLoad }) {
      const filter = new RegExp(`^(${Object.keys(NAMES).join("|")})$`);
      onResolve({ filter }, ({ path, kind, resolveDir }) => {
        if (kind !== "dynamic-import") return undefined;
        return { path, namespace: NAMESPACE, pluginData: resolveDir };
      });
      onLoad({ filter, namespace: NAMESPACE }, ({ path, pluginData }) => ({
        contents: `export { ${NAMES[path]?.join(", ")} } from "${path}";`,
        resolveDir: pluginData as string,
      }));
    },
  };
}
