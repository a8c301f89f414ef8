import { KubernetesError } from "./errors.ts";

/** Part of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next one begins; empty after the last. */
  readonly next: string;
}

/** How often a listing that outlived its snapshot is begun again. */
const MOST_RESTARTS = 5;

/**
 * A whole list, page by page. A listing whose pages have become too old is begun again, for what was read
 * is no longer one picture.
 */
export async function allPages<T>(
  page: (after: string) => Promise<Page<T>>,
): Promise<readonly T[]> {
  for (let restarts = 0; ; restarts++) {
    try {
      return await onePicture(page);
    } catch (error) {
      if (!isTooOld(error) || restarts >= MOST_RESTARTS) throw error;
    }
  }
}

/** Whether the page before has been read so long ago that Kubernetes has forgotten what comes next. */
export function isTooOld(error: unknown): boolean {
  return error instanceof KubernetesError && error.status === 410;
}

async function onePicture<T>(page: (after: string) => Promise<Page<T>>): Promise<readonly T[]> {
  const items: T[] = [];
  let after = "";
  do {
    const { items: more, next } = await page(after);
    items.push(...more);
    after = next;
  } while (after !== "");
  return items;
}
