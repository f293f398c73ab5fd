// What an outbox holds, as text.
import type { Transport } from "../../src/runtime/network.js";
import type { Outbox } from "../../src/server/outbox.js";

/** Empties an outbox; what it held, latin1. */
export function outboxText(outbox: Outbox): string {
  let text = "";
  const sink = {
    bufferedBytes: 0,
    write: (chunks: readonly Uint8Array[]) => {
      for (const chunk of chunks) text += Buffer.from(chunk).toString("latin1");
    },
  };
  outbox.flush(sink as unknown as Transport, Number.POSITIVE_INFINITY);
  return text;
}
