// What servers tell each other of their accounts' bytes: what is there no more counts no more.
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatedRuntime } from "../../runtime/simulated/index.js";
import type { JetStream } from "../jetstream.js";
import type { PeerMessage, PeerSender } from "./peer-channel.js";
import type { Peers } from "./peers.js";
import { UsageElsewhere } from "./usage-elsewhere.js";

const SENDER: PeerSender = { id: "ID", name: "A", cluster: "C", domain: "" };

/** A server that tells another one, which passes on what `hears` lets through. */
class Teller {
  readonly world = simulatedRuntime({ seed: 1 });
  /** Bytes on file, by account. */
  readonly accounts = new Map<string, number>();
  readonly other = new UsageElsewhere({} as JetStream, {} as Peers);
  /** With streams, and not open. */
  unopened: string[] = [];
  hears: (message: PeerMessage) => boolean = () => true;
  #own: UsageElsewhere | undefined;

  /** Begins, as after a start. */
  start(): void {
    this.#own?.close();
    const js = {
      server: { runtime: this.world },
      accounts: { values: () => this.#values() },
      unopened: () => this.unopened.values(),
    };
    const tellAll = (message: PeerMessage): void => {
      if (this.hears(message)) this.other.heard(SENDER, message);
    };
    this.#own = new UsageElsewhere(js as unknown as JetStream, { tellAll } as unknown as Peers);
    this.#own.start();
  }

  pass(ms: number): Promise<void> {
    return this.world.clock.settle(new Promise<void>((go) => void this.world.clock.after(ms, go)));
  }

  *#values(): IterableIterator<object> {
    const limits = { maxMemoryBytes: -1, maxStoreBytes: 1e9 };
    for (const [name, file] of this.accounts) yield { account: { name }, limits, usage: { memory: 0, file } };
  }

  /** How many accounts the other server keeps, of these. */
  known(...names: string[]): number[] {
    return names.map((name) => this.other.of(name).file);
  }
}

test("an account that a server has no more counts for nothing there", async () => {
  const teller = new Teller();
  teller.accounts.set("A", 10).set("B", 20);
  teller.start();
  await teller.pass(1500);
  assert.deepEqual(teller.known("A", "B"), [10, 20]);
  teller.accounts.delete("A");
  await teller.pass(5000);
  assert.deepEqual(teller.known("A", "B"), [0, 20]);
  assert.deepEqual(teller.other.accounts, ["B"]);
});

test("a server that comes back empty takes out all that it had", async () => {
  const teller = new Teller();
  for (let account = 0; account < 2500; account++) teller.accounts.set(`A${account}`, account);
  teller.start();
  await teller.pass(1500);
  assert.deepEqual(teller.known("A1", "A1001", "A2499"), [1, 1001, 2499]);
  // One without bytes is not kept.
  assert.equal(teller.other.accounts.length, 2499);
  teller.accounts.clear();
  teller.start();
  await teller.pass(1500);
  assert.deepEqual(teller.other.accounts, []);
});

test("an account that is not open yet still counts", async () => {
  const teller = new Teller();
  teller.accounts.set("A", 10).set("B", 20);
  teller.start();
  await teller.pass(1500);
  teller.accounts.delete("A");
  teller.unopened = ["A"];
  teller.start();
  await teller.pass(10_000);
  assert.deepEqual(teller.known("A", "B"), [10, 20]);
  teller.unopened = [];
  await teller.pass(5000);
  assert.deepEqual(teller.known("A", "B"), [0, 20]);
});

test("an account whose part of a telling was lost still counts", async () => {
  const teller = new Teller();
  for (let account = 1; account <= 2500; account++) teller.accounts.set(`A${account}`, account);
  teller.start();
  await teller.pass(1500);
  const before = teller.other.accounts;
  for (let lost = 0; lost < 3; lost++) {
    let at = 0;
    teller.hears = () => at++ !== lost;
    await teller.pass(5000);
    assert.ok(at > 1);
    assert.deepEqual(teller.other.accounts, before);
  }
});
