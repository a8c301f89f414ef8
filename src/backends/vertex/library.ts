/**
 * The part of Google's client for Vertex AI that is used. It is CommonJS, of which a bundle that imports
 * it dynamically gets nothing but a `default`; this module has the name, bundled or not.
 */
export { JobServiceClient } from "@google-cloud/aiplatform/build/src/v1/job_service_client.js";
