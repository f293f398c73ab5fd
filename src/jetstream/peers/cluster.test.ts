import assert from "node:assert/strict";
import { test } from "node:test";
import type { Account } from "../../accounts/account.js";
import type { Server } from "../../server/server.js";
import type { Asked } from "../api/answering.js";
import type { Api } from "../api/api.js";
import type { JetStream } from "../jetstream.js";
import { JetStreamCluster } from "./cluster.js";
import { FORWARDED } from "./forwarded-requests.js";
import type { PeerMessage } from "./peer-channel.js";

const DECIDER = { id: "DECIDER", name: "A", cluster: "C", domain: "" };

/** A server, B, that does not know who decides until A greets it. */
class World {
  readonly told: PeerMessage[] = [];
  readonly cluster: JetStreamCluster;
  readonly account = { name: "ACC", interestsIn: () => [] } as unknown as Account;

  constructor() {
    const server = {
      id: "OWN",
      name: "B",
      clusterName: "C",
      options: { serverTags: [] },
      events: { on: () => () => {} },
      runtime: { clock: { monotonicMs: () => 0 } },
      logger: { error: () => {} },
      publish: (_: Account, __: string, ___: string, ____: Buffer, payload: Buffer) =>
        void this.told.push(JSON.parse(payload.toString()) as PeerMessage),
    } as unknown as Server;
    const js = {
      server,
      accounts: new Map(),
      limits: { memory: 0, file: 0 },
      reserved: { memory: 0, file: 0 },
      after: () => ({ cancel: () => {} }),
    };
    this.cluster = new JetStreamCluster(js as unknown as JetStream, {} as Api, this.account);
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

  /** A says that it is there and decides. */
  greet(): void {
    const introduction = { ready: true, revision: 0, others: [], tags: [], streams: 0, memory: 0, file: 0 };
    this.cluster.peers.heard(DECIDER, { kind: "hello", ...introduction });
  }

  get forwarded(): unknown[] {
    return this.told.filter(({ kind }) => kind === "forward").map(({ subject }) => subject);
  }
}

test("a forwarded request that nobody can decide on yet is passed on, once, as soon as somebody does", () => {
  const world = new World();
  world.forward();
  assert.deepEqual(world.forwarded, []);
  world.greet();
  assert.deepEqual(world.forwarded, ["$JS.API.STREAM.INFO.S"]);
  world.forward();
  assert.deepEqual(world.forwarded, ["$JS.API.STREAM.INFO.S"], "it goes in a circle");
});
