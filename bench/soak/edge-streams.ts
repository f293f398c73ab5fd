// Drill: leaf nodes that publish into streams of their own while links are cut, servers are killed and frozen, at random.
// After healing the hub, which sources and mirrors these streams, holds every message that a leaf node has confirmed exactly
// once and in the leaf's order; then the same the other way, with a stream of the hub that every leaf node mirrors.
import { headers } from "@nats-io/transport-node";
import { SimulatedRandom } from "../../src/runtime/simulated/random.js";
import { Draw } from "../../test/simulation/draw.js";
import { neighbourPath } from "../../test/support/neighbour.js";
import { type Drill, type DrillContext, must } from "./drill.js";
import { type EdgeServer, EdgeServers } from "./edge-servers.js";
import { type Found, StreamLedger } from "./jetstream-ledger.js";
import type { Program } from "./proxied-cluster.js";
import { readStream } from "./read-stream.js";

const LEAFS = 20;
const LEAFS_IN_SHORT = 5;
const UP_MS = 300_000;
const DOWN_MS = 120_000;
const UP_IN_SHORT_MS = 14_000;
const DOWN_IN_SHORT_MS = 8_000;
const MIXED_MS = 60_000;
const CATCH_UP_LIMIT_MS = 90_000;
const LOOK_AGAIN_MS = 200;
/** As many of the leafs have a mirror at the hub, too. */
const MIRRORED = 3;
const LARGEST_BYTES = 400;
const BURST = 20;
const kept = { storage: "file", allow_direct: true };

interface Answer {
  readonly error?: { readonly description: string };
  readonly seq?: number;
  readonly state?: { readonly messages: number; readonly last_seq: number };
  readonly mirror?: object;
  readonly sources?: readonly object[];
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const edgeStreams: Drill = {
  name: "edge-streams",
  async run(context) {
    const { short, program, seed = Date.now() % 1_000_000 } = context.settings;
    const one: Program = program === "neighbour" ? "neighbour" : "natsnode";
    await runEdge(context, seed, { hub: one, leafs: one }, short ? UP_IN_SHORT_MS : UP_MS);
    if (short || one === "neighbour" || neighbourPath() === undefined) return;
    await runEdge(context, seed, { hub: "neighbour", leafs: "natsnode" }, MIXED_MS);
    await runEdge(context, seed, { hub: "natsnode", leafs: "neighbour" }, MIXED_MS);
  },
};

async function runEdge(
  context: DrillContext,
  seed: number,
  programs: { readonly hub: Program; readonly leafs: Program },
  upMs: number,
): Promise<void> {
  const { short } = context.settings;
  context.report(`hub ${programs.hub}, leafs ${programs.leafs}; seed ${seed}`);
  const draw = new Draw(new SimulatedRandom(String(seed)));
  const servers = await EdgeServers.start(context, short ? LEAFS_IN_SHORT : LEAFS, programs);
  try {
    const up = await Direction.up(servers, draw);
    context.report(`up: ${await up.run(upMs)}`);
    const down = await Direction.down(servers, draw);
    context.report(`down: ${await down.run(short ? DOWN_IN_SHORT_MS : Math.min(upMs, DOWN_MS))}`);
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
  } finally {
    await servers.close();
  }
}

/** A stream that is published to, at the server that has it. */
interface Origin {
  readonly server: EdgeServer;
  readonly stream: string;
  readonly ledger: StreamLedger;
}

/** A stream that is fed by others. */
interface Copy {
  readonly server: EdgeServer;
  readonly stream: string;
  /** One for a mirror. */
  readonly origins: readonly Origin[];
  readonly isMirror: boolean;
}

class Direction {
  readonly #servers: EdgeServers;
  readonly #draw: Draw;
  readonly #origins: readonly Origin[];
  readonly #copies: readonly Copy[];
  #running = true;
  #faults: string[] = [];

  private constructor(servers: EdgeServers, draw: Draw, origins: readonly Origin[], copies: readonly Copy[]) {
    this.#servers = servers;
    this.#draw = draw;
    this.#origins = origins;
    this.#copies = copies;
  }

  /** From the leaf nodes to the hub: one stream of all, and mirrors of some. */
  static async up(servers: EdgeServers, draw: Draw): Promise<Direction> {
    const { hub, leafs } = servers;
    const origins = leafs.map((server) => ({ server, stream: "UP", ledger: new StreamLedger(`up.${server.name}`) }));
    for (const { server, ledger } of origins) await create(server, "UP", { subjects: [ledger.name] });
    const from = ({ server }: Origin): object => ({ name: "UP", external: { api: `$JS.${server.name}.API` } });
    const copies: Copy[] = [{ server: hub, stream: "ALL", origins, isMirror: false }];
    await create(hub, "ALL", { sources: origins.map(from) });
    for (const origin of origins.slice(0, MIRRORED)) {
      const stream = `COPY-${origin.server.name}`;
      await create(hub, stream, { mirror: from(origin) });
      copies.push({ server: hub, stream, origins: [origin], isMirror: true });
    }
    return new Direction(servers, draw, origins, copies);
  }

  /** From the hub to a mirror at every leaf node. */
  static async down(servers: EdgeServers, draw: Draw): Promise<Direction> {
    const { hub, leafs } = servers;
    const origin = { server: hub, stream: "DOWN", ledger: new StreamLedger("down") };
    await create(hub, "DOWN", { subjects: ["down"] });
    const mirror = { name: "DOWN", external: { api: "$JS.hub.API" } };
    for (const leaf of leafs) await create(leaf, "DOWN", { mirror });
    const copies = leafs.map((server) => ({ server, stream: "DOWN", origins: [origin], isMirror: true }));
    return new Direction(servers, draw, [origin], copies);
  }

  /** Publishes under faults, heals, and looks at everything. Resolves with what was done. */
  async run(lengthMs: number): Promise<string> {
    const load = Promise.all(this.#origins.map((origin) => this.#publish(origin)));
    await Promise.race([this.#trouble(lengthMs), load]);
    this.#running = false;
    await load;
    const healedMs = performance.now();
    for (const origin of this.#origins) await this.#repeatOpen(origin);
    const originals = new Map<Origin, Map<number, Found>>();
    for (const origin of this.#origins) {
      const { state } = await ask(origin.server, `STREAM.INFO.${origin.stream}`);
      const found = await readStream(await origin.server.connection(), origin.stream);
      origin.ledger.check(found, state?.last_seq ?? 0, false);
      originals.set(origin, found);
    }
    for (const copy of this.#copies) await this.#caughtUp(copy, originals, healedMs);
    const caughtUpMs = performance.now() - healedMs;
    for (const copy of this.#copies) await compare(copy, originals);
    this.#servers.mustBeWell();
    const messages = [...originals.values()].reduce((sum, { size }) => sum + size, 0);
    return `${this.#faults.length} faults, ${messages} messages, all there ${(caughtUpMs / 1000).toFixed(1)} s after healing`;
  }

  async #trouble(lengthMs: number): Promise<void> {
    const endsAt = performance.now() + lengthMs;
    const open = new Set<Promise<void>>();
    let failure: unknown;
    while (performance.now() < endsAt && failure === undefined) {
      await pause(this.#draw.between(50, 900));
      const fault = this.#servers.drawFault(this.#draw);
      if (fault === undefined) continue;
      this.#faults.push(fault.text);
      const whole = (async () => {
        await fault.begin();
        await pause(fault.lastsMs);
        await fault.end();
      })();
      const settled = whole
        .catch((error) => {
          failure ??= error;
        })
        .finally(() => open.delete(settled));
      open.add(settled);
    }
    await Promise.all(open);
    if (failure !== undefined) throw failure;
  }

  /** Bursts, for as long as it runs. What is not confirmed is sent again once the server answers. */
  async #publish(origin: Origin): Promise<void> {
    const { ledger } = origin;
    while (this.#running) {
      await pause(this.#draw.between(50, 350));
      const numbers = Array.from({ length: this.#draw.between(1, BURST) }, () => {
        return ledger.next(ledger.name, this.#draw.between(8, LARGEST_BYTES)).number;
      });
      try {
        await Promise.all(numbers.map((number) => send(origin, number)));
      } catch (error) {
        if (error instanceof Refused) throw error;
        await this.#repeatWhileRunning(origin);
      }
    }
  }

  async #repeatWhileRunning(origin: Origin): Promise<void> {
    while (this.#running) {
      try {
        await this.#repeatOpen(origin);
        return;
      } catch (error) {
        if (error instanceof Refused) throw error;
        await pause(LOOK_AGAIN_MS);
      }
    }
  }

  async #repeatOpen(origin: Origin): Promise<void> {
    await Promise.all(origin.ledger.open.map((number) => send(origin, number)));
  }

  async #caughtUp(
    { server, stream, origins }: Copy,
    originals: ReadonlyMap<Origin, ReadonlyMap<number, Found>>,
    healedMs: number,
  ): Promise<void> {
    const wanted = origins.reduce((sum, origin) => sum + (originals.get(origin)?.size ?? 0), 0);
    for (;;) {
      const info = await ask(server, `STREAM.INFO.${stream}`);
      const messages = info.state?.messages ?? 0;
      if (messages >= wanted) return;
      must(
        performance.now() - healedMs < CATCH_UP_LIMIT_MS,
        `${stream} of ${server.name} has ${messages} of ${wanted} messages: ${JSON.stringify(info.mirror ?? info.sources)}\n` +
          this.#faults.slice(-20).join("\n"),
      );
      await pause(LOOK_AGAIN_MS);
    }
  }
}

/** The server does not take what it must take. */
class Refused extends Error {}

async function send({ server, ledger }: Origin, number: number): Promise<void> {
  const sent = ledger.sent.get(number);
  if (sent === undefined) return;
  const id = headers();
  id.set("Nats-Msg-Id", `${ledger.name}-${number}`);
  const { error, seq } = await server.request<Answer>(sent.subject, sent.payload, { headers: id });
  if (error !== undefined || seq === undefined) throw new Refused(`${ledger.name}: ${error?.description}`);
  ledger.acknowledged(number, seq);
}

async function ask(server: EdgeServer, subject: string, body: object | string = ""): Promise<Answer> {
  const answer = await server.request<Answer>(`$JS.API.${subject}`, body);
  must(answer.error === undefined, `${server.name}: ${subject}: ${answer.error?.description}`);
  return answer;
}

async function create(server: EdgeServer, name: string, config: object): Promise<void> {
  await ask(server, `STREAM.CREATE.${name}`, { name, ...kept, ...config });
}

/** Every message of every origin once, in the origin's order; a mirror has its sequences, too. */
async function compare(
  { server, stream, origins, isMirror }: Copy,
  originals: ReadonlyMap<Origin, ReadonlyMap<number, Found>>,
): Promise<void> {
  const found = await readStream(await server.connection(), stream);
  const bySubject = new Map(origins.map(({ ledger }) => [ledger.name, [] as [number, Found][]]));
  for (const entry of found) bySubject.get(entry[1].subject)?.push(entry);
  let total = 0;
  for (const origin of origins) {
    const wanted = [...(originals.get(origin) ?? [])];
    const copied = bySubject.get(origin.ledger.name) ?? [];
    total += copied.length;
    const place = `${stream} of ${server.name}, from ${origin.server.name}`;
    for (let at = 0; at < Math.max(wanted.length, copied.length); at++) {
      const [wantedAt, original] = wanted[at] ?? [];
      const [sequence, copy] = copied[at] ?? [];
      const from = isMirror ? sequence : Number(copy?.source?.split(" ")[1]);
      must(
        original !== undefined && copy !== undefined && from === wantedAt && copy.payload === original.payload,
        `${place}: message ${at + 1} of ${wanted.length} should be ${show(wantedAt, original)}, is ${show(from, copy)} at ${sequence}; there are ${copied.length}`,
      );
    }
  }
  must(total === found.size, `${stream} of ${server.name} has ${found.size - total} messages of nobody`);
}

const show = (sequence: number | undefined, message: Found | undefined): string =>
  message === undefined ? "none" : `${sequence} (${message.payload.slice(0, 20)})`;
