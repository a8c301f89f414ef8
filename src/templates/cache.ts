import { boundedMap } from "../bounded.ts";

/** A template as it was read, and the mark by which its place tells whether it has changed. */
export interface CachedTemplate {
  readonly mark: string;
  readonly bytes: Uint8Array;
}

/** Templates that were read before, the ones used last. What is kept is asked about before it is used. */
export interface TemplateCache {
  get(place: string): CachedTemplate | undefined;
  put(place: string, template: CachedTemplate): void;
}

/** So many templates are kept unless said otherwise, each at most 1 MiB. */
const SIZE = 16;

/** Makes an empty cache. */
export function templateCache(size = SIZE): TemplateCache {
  const kept = boundedMap<CachedTemplate>(size);
  return {
    get(place) {
      const template = kept.get(place);
      // The one used last is dropped last.
      if (template !== undefined) kept.put(place, template);
      return template;
    },
    put: kept.put,
  };
}
