import type { Plugin } from "esbuild";

/** What is CommonJS and imported dynamically, by packages or by us, and the names taken from it. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  // Google's library for requests imports it where HTTPS_PROXY is set.
  "https-proxy-agent": ["HttpsProxyAgent"],
  "google-auth-library": ["GoogleAuth", "OAuth2Client", "PassThroughClient"],
  "@google-cloud/aiplatform/build/src/v1/job_service_client.js": ["JobServiceClient"],
};

const NAMESPACE = "named-imports";

/** Gives dynamic imports of CommonJS their names: a bundle has nothing but a `default` for them. */
export function namedImports(): Plugin {
  return {
    name: NAMESPACE,
    setup({ onResolve, onLoad }) {
      const filter = new RegExp(`^(${Object.keys(NAMES).join("|").replaceAll(".", "\\.")})$`);
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
