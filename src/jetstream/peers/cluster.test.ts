import assert from "node:assert/strict";
import { test } from "node:test";
import type { Account } from "../../accounts/account.js";
import type { Server } from "../../server/server.js";
import type { Asked } from "../api/answering.js";
import type { Api, DirectRequest } from "../api/api.js";
import type { JetStream } from "../jetstream.js";
import { JetStreamCluster } from "./cluster.js";
import { FORWARDED } from "./forwarded-requests.js";
import type { PeerMessage } from "./peer-channel.js";

const DECIDER = { id: "DECIDER", name: "A", cluster: "C", domain: "" };

/** A server, B, that does not know who decides until A greets it. */
class World {
  readonly told: PeerMessage[] = [];
  readonly logged: string[] = [];
  /** What was forwarded to this server, below the API's prefix. */
  readonly handled: string[] = [];
  readonly cluster: JetStreamCluster;
  readonly account = {
    name: "ACC",
    interestsIn: () => [{ target: { peerId: "DECIDER" } }],
    sublist: { hasInterest: () => true },
  } as unknown as Account;

  constructor() {
    const server = {
      id: "OWN",
      name: "B",
      clusterName: "C",
      options: { serverTags: [] },
      events: { on: () => () => {} },
      runtime: { clock: { monotonicMs: () => 0 } },
      logger: { error: (text: string) => void this.logged.push(text) },
      accounts: { get: () => this.account },
      publish: (_: Account, __: string, ___: string, ____: Buffer, payload: Buffer) =>
        void this.told.push(JSON.parse(payload.toString()) as PeerMessage),
    } as unknown as Server;
    const js = {
      server,
      accounts: new Map(),
      limits: { memory: 0, file: 0 },
      reserved: { memory: 0, file: 0 },
      loading: { load: async () => {} },
      after: () => ({ cancel: () => {} }),
    };
    const handle = (_: Account, rest: string): boolean => this.handled.push(rest) > 0;
    this.cluster = new JetStreamCluster(js as unknown as JetStream, { handle } as unknown as Api, this.account);
  }

  forward(): void {
    const bytes = Buffer.alloc(0);
    const request: Asked = {
      account: this.account,
      opened: undefined,
      stream: "S",
      domain: undefined,
      rest: "STREAM.INFO.S",
      subject: "$JS.API.STREAM.INFO.S",
      reply: "r",
      payload: bytes,
      headerBlock: bytes,
      scope: "stream",
      source: FORWARDED,
      isTooOld: false,
    };
    this.cluster.admit(request, () => {});
  }

  /** A request for a message comes from another server. */
  forwardDirect(): void {
    const { account } = this;
    const rest = "DIRECT.GET.S";
    const subject = `$JS.API.${rest}`;
    const bytes = Buffer.alloc(0);
    const request = { message: { subject }, payload: bytes, headerBlock: bytes, reply: "r" };
    const asked = { account, opened: undefined, stream: "S", domain: undefined, rest, source: FORWARDED };
    this.cluster.admitDirect(asked, request as unknown as DirectRequest);
  }

  /** A says that it is there and decides. */
  greet(): void {
    const introduction = { ready: true, revision: 0, others: [], tags: [], streams: 0, memory: 0, file: 0 };
    this.cluster.peers.heard(DECIDER, { kind: "hello", ...introduction });
  }

  /** What the server that decides is told of requests that others have taken. */
  get claims(): unknown {
    return this.told.find(({ kind }) => kind === "handover")?.["claims"];
  }

  get forwarded(): unknown[] {
    return this.told.filter(({ kind }) => kind === "forward").map(({ subject }) => subject);
  }
}

/** What is under way is done. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a forwarded request that nobody can decide on yet is passed on, once, as soon as somebody does", () => {
  const world = new World();
  world.forward();
  assert.deepEqual(world.forwarded, []);
  world.greet();
  assert.deepEqual(world.forwarded, ["$JS.API.STREAM.INFO.S"]);
  world.forward();
  assert.deepEqual(world.forwarded, ["$JS.API.STREAM.INFO.S"], "it goes in a circle");
});

test("so is one whose answers are messages, though the other server hears the account", () => {
  const world = new World();
  world.greet();
  world.forwardDirect();
  world.forwardDirect();
  assert.deepEqual(world.forwarded, ["$JS.API.DIRECT.GET.S"]);
});

test("a forwarded request that cannot be understood is logged, and one without headers is taken", async () => {
  const world = new World();
  const request = { kind: "forward", account: "ACC", rest: "INFO", reply: "r", payload: "" };
  world.cluster.heard(DECIDER, request);
  await settled();
  assert.match(world.logged.join(), /^JetStream: what server A has forwarded: TypeError/);
  world.cluster.heard(DECIDER, { ...request, subject: "$JS.API.INFO" });
  await settled();
  assert.deepEqual([world.handled, world.logged.length], [["INFO"], 1]);
});

test("of requests that another server takes only those that make a stream are remembered as claims", () => {
  const world = new World();
  const ask = (subject: string): void =>
    world.cluster.heard(DECIDER, {
      kind: "ask",
      id: "1",
      what: "taken",
      account: "ACC",
      stream: "S",
      subject,
      reply: "r",
      by: "A",
    });
  ask("$JS.API.STREAM.INFO.S");
  ask("$JS.API.STREAM.CREATE.S");
  world.greet();
  assert.deepEqual(world.claims, ["ACC S r"]);
});
