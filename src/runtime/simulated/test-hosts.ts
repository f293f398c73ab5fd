// Two simulated hosts with a connection between them, for tests of the network.
import type { Transport } from "../network.js";
import { simulatedRuntime } from "./index.js";

/** One end of a connection, and what it has seen. */
export interface Side {
  transport: Transport;
  /** Everything received, as one string. */
  received: () => string;
  chunks: number[];
  events: string[];
}

/** Takes all that comes over a connection, and what it is told of it. */
export function watch(transport: Transport): Side {
  let received = "";
  const side: Side = { transport, received: () => received, chunks: [], events: [] };
  transport.start({
    onData: (chunk, start, end) => {
      received += chunk.toString("latin1", start, end);
      side.chunks.push(end - start);
    },
    onDrain: () => side.events.push("drain"),
    onEnd: () => side.events.push("end"),
    onClose: (error) => side.events.push(`close ${(error as NodeJS.ErrnoException | undefined)?.code ?? "ok"}`),
  });
  return side;
}

/** Two hosts with one connection between them; b listens on port 4222. */
export async function connected(seed: number | string = 1) {
  const world = simulatedRuntime({ seed });
  const a = world.host("a");
  const b = world.host("b");
  const accepted: Side[] = [];
  await b.network.listen({ host: "0.0.0.0", port: 4222 }, (transport) => accepted.push(watch(transport)));
  const dial = async (): Promise<[Side, Side]> => {
    const before = accepted.length;
    const client = watch(await world.clock.settle(a.network.dial({ host: "b", port: 4222, timeoutMs: 5000 })));
    await world.clock.runUntil(() => accepted.length > before);
    return [client, accepted[before]];
  };
  const [client, server] = await dial();
  return { world, a, b, client, server, dial, accepted };
}
