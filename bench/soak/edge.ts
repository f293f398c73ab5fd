// Drill: a leaf node is cut off and comes back, again and again, at random moments under load from both sides. Its own clients
// miss nothing meanwhile; with the link, interest is back within seconds; nothing comes twice or goes round.

import { cuttingProxy } from "../../src/testing/cutting-proxy.js";
import { freePort } from "../../test/support/free-port.js";
import type { Item, RawClient } from "../../test/support/raw-client.js";
import { type Drill, megabytes, must, mustBeFlat } from "./drill.js";

const WARM_UP_ROUNDS = 5;
const BATCH = 20;
const BATCH_MS = 5;
/** From the link's return on; the pause before the leaf node dials again is part of it. */
const CONVERGENCE_MS = 4_000;

/** Counts the numbers of one subject at one subscriber: they only go up. */
class Lane {
  readonly name: string;
  sent = 0;
  received = 0;
  /** The last number that came. */
  last = -1;
  fault: string | undefined;

  constructor(name: string) {
    this.name = name;
  }

  take({ payload }: Item): void {
    const number = Number(payload);
    if (number <= this.last) this.fault ??= `${this.name}: ${number} came after ${this.last}`;
    this.last = number;
    this.received++;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const edge: Drill = {
  name: "edge",
  async run(context) {
    const rounds = context.settings.short ? 8 : 100;
    const leafPort = await freePort();
    const hub = await context.startServer(`server_name: HUB\nleafnodes { listen: "127.0.0.1:${leafPort}" }`);
    const link = await cuttingProxy(leafPort);
    const leaf = await context.startServer(
      `server_name: LEAF\nleafnodes { remotes: [ { url: "nats-leaf://127.0.0.1:${link.port}", ignore_discovered_servers: true } ] }`,
    );
    try {
      const [atHub, atLeaf] = [await context.connect(hub), await context.connect(leaf)];
      const [up, down, local] = [new Lane("up"), new Lane("down"), new Lane("local")];
      listen(atHub, { up });
      listen(atLeaf, { down, local });
      const [fromLeaf, fromHub] = [await context.connect(leaf), await context.connect(hub)];
      const pump = setInterval(() => {
        send(fromLeaf, [up, local]);
        send(fromHub, [down]);
      }, BATCH_MS);
      let slowestMs = 0;
      let warm = [0, 0];
      for (let round = 0; round <= rounds; round++) {
        if (round > 0) {
          await pause(Math.random() * 400);
          if (round % 4 === 0) link.freeze();
          else link.cut();
          await pause(Math.random() * 1_500);
          link.heal();
        }
        slowestMs = Math.max(slowestMs, await converged(up, down));
        if (round === WARM_UP_ROUNDS) warm = [hub.residentBytes(), leaf.residentBytes()];
      }
      clearInterval(pump);
      await fromLeaf.sync();
      await atLeaf.sync();
      must(local.received === local.sent, `clients of the leaf node got ${local.received} of ${local.sent}`);
      for (const { fault } of [up, down, local]) must(fault === undefined, fault ?? "");
      for (const server of [hub, leaf]) {
        must(!/Loop detected|internal error|parser ERROR/.test(server.log), `the server logged:\n${server.log}`);
      }
      mustBeFlat(warm[0], hub.residentBytes());
      mustBeFlat(warm[1], leaf.residentBytes());
      const crossed = `${up.received} of ${up.sent} up, ${down.received} of ${down.sent} down, ${local.sent} of the leaf's own`;
      const memory = [hub, leaf].map((one, at) => `${megabytes(warm[at])} -> ${megabytes(one.residentBytes())}`);
      context.report(`${rounds} cuts; back after ${slowestMs.toFixed(0)} ms at most; ${crossed}; ${memory.join(", ")}`);
    } finally {
      await link.close();
    }
  },
};

function listen(client: RawClient, lanes: Readonly<Record<string, Lane>>): void {
  const bySid = Object.values(lanes);
  client.handle = (item) => {
    const [verb, , sid] = item.line.split(" ");
    if (verb !== "MSG") return false;
    bySid[Number(sid)].take(item);
    return true;
  };
  for (const [sid, { name }] of bySid.entries()) client.send(`SUB edge.${name} ${sid}\r\n`);
}

function send(client: RawClient, lanes: readonly Lane[]): void {
  let text = "";
  for (let i = 0; i < BATCH; i++) {
    for (const lane of lanes) {
      const number = String(lane.sent++);
      text += `PUB edge.${lane.name} ${number.length}\r\n${number}\r\n`;
    }
  }
  client.send(text);
}

/** Resolves with the time until what is sent from now on has arrived at both ends. */
async function converged(...lanes: readonly Lane[]): Promise<number> {
  const startedAt = performance.now();
  const wanted = lanes.map(({ sent }) => sent);
  for (;;) {
    const ms = performance.now() - startedAt;
    if (lanes.every(({ last }, at) => last >= wanted[at])) return ms;
    must(
      ms < CONVERGENCE_MS,
      `${ms.toFixed(0)} ms after the link was back: ${lanes.map((one) => `${one.name} ${one.last} of ${one.sent}`).join(", ")}`,
    );
    await pause(5);
  }
}
