import { afterEach, beforeEach, describe } from "vitest";
import { creates } from "./store-create.ts";
import { streamsDueRuns } from "./store-due.ts";
import type { StoreHarness, StoreTraits } from "./store-harness.ts";
import { lists } from "./store-list.ts";
import { survivesLostAnswers } from "./store-lost-answers.ts";
import { reads } from "./store-reads.ts";
import { moves } from "./store-transition.ts";

/** The promises every run store keeps. */
export function storeContract(name: string, traits: StoreTraits): void {
  describe(`${name} store`, () => {
    let harness: StoreHarness;
    beforeEach(async () => {
      harness = await traits.open();
    });
    afterEach(() => harness.close());
    const current = () => harness;

    creates(current, traits);
    reads(current);
    moves(current, traits);
    if (traits.answers === "remote") survivesLostAnswers(current);
    streamsDueRuns(current, traits);
    lists(current, traits);
  });
}
