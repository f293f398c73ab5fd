// Leaf links: which programs are at their ends, and when they carry interest both ways.
import type { NatsConnection } from "@nats-io/transport-node";
import { lookAgain } from "./look-again.js";
import { withoutNeighbour } from "./neighbour.js";
import type { ServerProgram } from "./server-process.js";

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
      await lookAgain();
    }
    echo.unsubscribe();
  }
  if (deadline.aborted) throw new Error("the servers do not reach each other");
}

/** The programs at both ends of a link, natsnode at one of them at least; `skip` is for those that need the neighbour. */
export function linkedPrograms(): readonly { hub: ServerProgram; leaf: ServerProgram; skip: false | string }[] {
  return [
    { hub: "natsnode", leaf: "natsnode", skip: false },
    { hub: "natsnode", leaf: "neighbour", skip: withoutNeighbour() },
    { hub: "neighbour", leaf: "natsnode", skip: withoutNeighbour() },
  ];
}
