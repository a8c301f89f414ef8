import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { StateChange } from "../app.ts";
import { runOf } from "../stores/dynamodb/head.ts";
import { fromItem, type Item } from "../stores/dynamodb/item.ts";

/** A record of the table's stream, as far as it is read. */
export interface StreamRecord {
  readonly eventName?: string | undefined;
  readonly dynamodb?:
    | {
        readonly SequenceNumber?: string | undefined;
        readonly NewImage?: Image | undefined;
        readonly OldImage?: Image | undefined;
      }
    | undefined;
}

type Image = Readonly<Record<string, unknown>>;

/** A change of a state, and where in the stream it stands. */
export interface StreamedChange extends StateChange {
  readonly sequence: string;
  /** The head as the table has it. */
  readonly head: Item;
}

/**
 * The changes of states in a part of the stream, in its order. Bodies, flows and tokens are none, nor is
 * what writes a head and leaves its state, such as a message sent again. Pure.
 */
export function changesIn(records: readonly StreamRecord[]): StreamedChange[] {
  return records.flatMap(({ eventName, dynamodb }) => {
    const head = headOf(dynamodb?.NewImage);
    if (head === undefined || eventName === "REMOVE") return [];
    const run = runOf(head);
    const before = headOf(dynamodb?.OldImage);
    const from = before === undefined ? undefined : runOf(before).state.type;
    if (from === run.state.type) return [];
    const sequence = dynamodb?.SequenceNumber ?? "";
    return [{ run, head, sequence, ...(from === undefined ? {} : { from }) }];
  });
}

function headOf(image: Image | undefined): Item | undefined {
  if (image === undefined) return undefined;
  const item = fromItem(image as Record<string, AttributeValue>);
  return item["sk"] === "head" ? item : undefined;
}
