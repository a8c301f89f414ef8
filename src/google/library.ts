/**
 * The parts of Google's library for credentials that are used. It is CommonJS, of which a bundle that
 * imports it dynamically gets nothing but a `default`; this module has the names, bundled or not.
 */
export { GoogleAuth, OAuth2Client, PassThroughClient } from "google-auth-library";
