// Waits until a leaf link carries interest both ways.
import type { NatsConnection } from "@nats-io/transport-node";

/** Resolves when clients of two servers reach each other. */
export async function connectionTo(client: NatsConnection, other: NatsConnection): Promise<void> {
  const deadline = AbortSignal.timeout(15_000);
  for (const [from, to] of [
    [client, other],
    [other, client],
  ]) {
    const subject = `reached.${Math.random()}`;
    const echo = to.subscribe(subject, { callback: (_, message) => void message.respond() });
    await to.flush();
    while (!deadline.aborted) {
      const answer = await from.request(subject, "", { timeout: 1000 }).catch(() => undefined);
      if (answer !== undefined) break;
      await new Promise(setImmediate);
    }
    echo.unsubscribe();
  }
  if (deadline.aborted) throw new Error("the servers do not reach each other");
}
