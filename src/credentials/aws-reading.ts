/**
 * Settings of clients of AWS that read something small, such as a file or a secret: a call is tried three
 * times in all, for at most ten seconds each.
 */
export const READING = {
  maxAttempts: 3,
  requestHandler: {
    connectionTimeout: 2_000,
    requestTimeout: 10_000,
    throwOnRequestTimeout: true,
  },
} as const;
