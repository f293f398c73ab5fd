import assert from "node:assert/strict";
import { test } from "node:test";
import type { JetStream } from "../jetstream.js";
import type { PeerMessage } from "./peer-channel.js";
import type { Peers } from "./peers.js";
import { Placement } from "./placement.js";

/** A server, OWN, that follows another, and has no account before it is loaded. */
class World {
  follows = "FIRST";
  knowsAll = true;
  readonly accounts = new Map<string, object>();
  readonly told: (PeerMessage & { readonly to: string })[] = [];
  readonly made: string[] = [];
  readonly placement: Placement;
  #loaded = (): void => {};

  constructor() {
    const js = {
      server: { id: "OWN", accounts: this.accounts, runtime: { clock: { monotonicMs: () => 0 } } },
      after: () => ({ cancel: () => {} }),
      loading: { load: () => new Promise<void>((resolve) => (this.#loaded = resolve)) },
    };
    const { follows } = { follows: () => this.follows };
    const peers = {
      get coordinator() {
        return { id: follows(), isUnknown: false };
      },
      get coordinatorId() {
        return follows();
      },
      coordination: { follows: (id: string) => id === this.follows },
      isThere: () => true,
      knows: () => this.knowsAll,
      tell: (to: string, message: PeerMessage) => void this.told.push({ ...message, to }),
    };
    const maker = {
      perform: ({ rest }: { rest: string }) => void this.made.push(rest),
      respond: () => {},
      refusal: () => "refused",
    };
    this.placement = new Placement(js as unknown as JetStream, peers as unknown as Peers, maker);
  }

  /** The first server gives a name to this one. */
  make(): void {
    const placing = { id: "1", entry: "ENTRY", account: "A", name: "S", rest: "STREAM.CREATE.S", reply: "r", hops: 0 };
    this.placement.heard({ id: "FIRST" }, { kind: "make", ...placing, payload: "", known: { OTHER: 5 } });
  }

  async load(): Promise<void> {
    this.accounts.set("A", {});
    this.#loaded();
    await Promise.resolve();
  }

  /** Where requests went that are not made here. */
  get placed(): string[] {
    return this.told.filter(({ kind }) => kind === "place").map(({ to }) => to);
  }
}

test("a stream is made once what the coordinator had heard is known, and its account is", async () => {
  const world = new World();
  world.knowsAll = false;
  world.make();
  world.knowsAll = true;
  world.placement.changed();
  assert.deepEqual(world.made, []);
  await world.load();
  assert.deepEqual([world.made, world.placed], [["STREAM.CREATE.S"], []]);
});

test("a server that waited and follows another by then asks that one", () => {
  const world = new World();
  world.accounts.set("A", {});
  world.knowsAll = false;
  world.make();
  world.follows = "SECOND";
  world.knowsAll = true;
  world.placement.changed();
  assert.deepEqual([world.made, world.placed], [[], ["SECOND"]]);
});

test("so does one that waited for the account", async () => {
  const world = new World();
  world.make();
  world.follows = "SECOND";
  await world.load();
  assert.deepEqual([world.made, world.placed], [[], ["SECOND"]]);
});
