// Reads everything that is in a stream, in batches of direct gets.
import type { NatsConnection } from "@nats-io/transport-node";
import type { Found } from "./jetstream-ledger.js";

const BATCH = 500;

/** All messages by their sequences, ascending. The stream must have `allow_direct`. */
export async function readStream(connection: NatsConnection, stream: string): Promise<Map<number, Found>> {
  const found = new Map<number, Found>();
  for (let next = 1; ; ) {
    const inbox = `_INBOX.read.${stream}.${next}`;
    const messages = connection.subscribe(inbox);
    connection.publish(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify({ seq: next, batch: BATCH }), { reply: inbox });
    const before = found.size;
    for await (const message of messages) {
      if (message.headers !== undefined && message.headers.code > 0) break;
      const sequence = Number(message.headers?.get("Nats-Sequence"));
      const subject = message.headers?.get("Nats-Subject") ?? "";
      found.set(sequence, { subject, payload: message.string(), source: message.headers?.get("Nats-Stream-Source") });
      next = sequence + 1;
    }
    messages.unsubscribe();
    if (found.size === before) return found;
  }
}
