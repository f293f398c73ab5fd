// Three clusters of three servers through calm times and times with cuts, silence, delays and crashes, from a seed. In calm
// times every message must reach whom it should; at no time may one come twice, or into another account.
import assert from "node:assert/strict";
import { SimulatedRandom } from "../../src/runtime/simulated/random.js";
import { subjectMatches } from "../../src/subjects/validity.js";
import type { SimulatedClient } from "../support/simulated-server.js";
import { SimulatedSuperCluster } from "../support/simulated-super-cluster.js";
import { RunFailure, type RunReport } from "./report.js";

const SIZES = { A: 3, B: 3, C: 3 };
const ACCOUNTS = ["P", "Q"] as const;
const ROUNDS = 2;
const SUBJECTS = ["s.0", "s.1", "s.2", "s.3"];
const PATTERNS = [...SUBJECTS, "s.*", ">"];
const SERVICE = "svc";
const SERVERS_OF_A_SERVICE = "servers";
/** A choice of the nearest cluster is judged only where the others are so much farther. */
const CLEARLY_FARTHER_MS = 24;
/** Packets between clusters take up to so much longer at random: interest and requests overtake each other. */
const JITTER_MS = 10;
/** Time after faults in which everything must be as before, and in which pings find out how far clusters are. */
const RECOVERY_MS = 20_000;
const CALM_MS = 600;

interface Listening {
  readonly sid: string;
  readonly pattern: string;
  readonly queue: string | undefined;
}

interface Party {
  readonly client: SimulatedClient;
  readonly at: string;
  readonly cluster: string;
  readonly account: (typeof ACCOUNTS)[number];
  readonly listening: Listening[];
  rest: string;
}

interface Sent {
  readonly from: Party;
  readonly subject: string;
  readonly calm: boolean;
  readonly got: { readonly by: Party; readonly sid: string }[];
}

/** Runs one seed; rejects with what was wrong. */
export async function runSuperCluster(seed: number): Promise<RunReport> {
  const run = new Run(seed);
  try {
    return await run.all();
  } catch (error) {
    throw new RunFailure(seed, run.history, error);
  }
}

class Run {
  readonly history: string[] = [];
  readonly #seed: number;
  readonly #random: SimulatedRandom;
  readonly #latency: Record<string, number> = {};
  readonly #sent: Sent[] = [];
  #all!: SimulatedSuperCluster;
  #parties: Party[] = [];
  #nextSid = 1;
  #requests = 0;
  #faults = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new SimulatedRandom(`super-cluster ${seed}`);
  }

  async all(): Promise<RunReport> {
    for (const pair of ["A B", "A C", "B C"]) this.#latency[pair] = 1 + this.#random.below(60);
    this.history.push(JSON.stringify(this.#latency));
    const accounts = Object.fromEntries(ACCOUNTS.map((name) => [name, { users: [{ user: name, password: name }] }]));
    const setup = { seed: this.#seed, latencyMs: this.#latency, options: { accounts } };
    this.#all = await SimulatedSuperCluster.start(SIZES, setup);
    for (const one of this.#all.members.values()) {
      for (const other of this.#all.members.values()) {
        if (one.cluster < other.cluster) this.#all.world.wires.link(one.name, other.name, { jitterMs: JITTER_MS });
      }
    }
    await this.#people();
    await this.#all.advance(RECOVERY_MS);
    for (let round = 0; round < ROUNDS; round++) {
      await this.#calm();
      await this.#storm();
    }
    await this.#calm();
    await this.#all.close();
    return {
      seed: this.#seed,
      virtualMs: this.#all.world.clock.monotonicMs(),
      messages: this.#sent.length + this.#requests,
      deliveries: this.#sent.reduce((sum, { got }) => sum + got.length, 0),
      faults: this.#faults,
    };
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#random.below(items.length)];
  }

  // ---------------------------------------------------------------- clients

  /** Every server has a client in each account, with some subscriptions. */
  async #people(): Promise<void> {
    for (const at of this.#all.members.keys()) {
      for (const account of ACCOUNTS) {
        if (this.#parties.some((party) => party.at === at && party.account === account)) continue;
        const client = await this.#all.client(at, { user: account, pass: account });
        const party: Party = { client, at, cluster: at.slice(0, 1), account, listening: [], rest: "" };
        this.#parties.push(party);
        for (let i = 0; i < 2; i++) this.#subscribe(party);
        if (this.#random.below(3) === 0) this.#subscribe(party, SERVICE, SERVERS_OF_A_SERVICE);
      }
    }
  }

  #subscribe(
    party: Party,
    pattern = this.#pick(PATTERNS),
    queue = this.#random.below(2) === 0 ? "q" : undefined,
  ): void {
    const sid = String(this.#nextSid++);
    // A wildcard for everything does not answer requests, and would hear them.
    const chosen = pattern === ">" ? "s.>" : pattern;
    party.listening.push({ sid, pattern: chosen, queue });
    party.client.send(`SUB ${chosen} ${queue === undefined ? "" : `${queue} `}${sid}\r\n`);
  }

  #unsubscribe(party: Party): void {
    const at = this.#random.below(party.listening.length);
    const [gone] = party.listening.splice(at, 1);
    if (gone !== undefined) party.client.send(`UNSUB ${gone.sid}\r\n`);
  }

  // ---------------------------------------------------------------- messages

  #publish(from: Party, calm: boolean): void {
    const subject = this.#pick(SUBJECTS);
    const id = String(this.#sent.length);
    this.#sent.push({ from, subject, calm, got: [] });
    from.client.send(`PUB ${subject} ${id.length}\r\n${id}\r\n`);
  }

  /** Takes what has arrived; answers requests. Returns the answers by their reply subjects. */
  #take(answers = new Map<string, number>()): Map<string, number> {
    for (const party of this.#parties) {
      for (const { subject, sid, reply, payload } of messagesOf(party)) {
        if (subject === SERVICE && reply !== "") party.client.send(`PUB ${reply} 6\r\nanswer\r\n`);
        else if (payload === "answer") answers.set(subject, (answers.get(subject) ?? 0) + 1);
        else if (payload !== "") this.#heard(party, sid, payload);
      }
    }
    return answers;
  }

  #heard(by: Party, sid: string, id: string): void {
    const sent = this.#sent[Number(id)];
    const known = by.listening.find((one) => one.sid === sid);
    assert.equal(by.account, sent.from.account, `message ${id} of account ${sent.from.account} came to ${by.account}`);
    assert.ok(
      !sent.got.some((one) => one.by === by && one.sid === sid),
      `message ${id} came twice to sid ${sid} at ${by.at}`,
    );
    if (known?.queue !== undefined) {
      const others = sent.got.filter((one) => one.by.listening.some((l) => l.sid === one.sid && same(l, known)));
      assert.deepEqual(others, [], `message ${id} came to two members of ${known.queue} on ${known.pattern}`);
    }
    sent.got.push({ by, sid });
  }

  // ---------------------------------------------------------------- calm times

  async #calm(): Promise<void> {
    const first = this.#sent.length;
    for (let i = 0; i < 40; i++) {
      this.#publish(this.#pick(this.#parties), true);
      if (this.#random.below(3) === 0) await this.#all.advance(this.#random.below(30));
    }
    await this.#all.advance(CALM_MS);
    this.#take();
    for (let id = first; id < this.#sent.length; id++) this.#check(this.#sent[id], id);
    for (let i = 0; i < 6; i++) await this.#request(this.#pick(this.#parties));
  }

  #check({ from, subject, got }: Sent, id: number): void {
    const mates = this.#parties.filter(({ account }) => account === from.account);
    const interested = mates.flatMap((by) =>
      by.listening.filter(({ pattern }) => subjectMatches(subject, pattern)).map((one) => ({ by, one })),
    );
    const got_ = (by: Party, sid: string): boolean => got.some((one) => one.by === by && one.sid === sid);
    for (const { by, one } of interested) {
      if (one.queue === undefined)
        assert.ok(got_(by, one.sid), `message ${id} from ${from.at} did not come to ${by.at}`);
    }
    const members = interested.filter(({ one }) => one.queue !== undefined);
    const chosen = members.filter(({ by, one }) => got_(by, one.sid));
    // The group has one member chosen over all the patterns that match.
    assert.equal(
      chosen.length,
      members.length > 0 ? 1 : 0,
      `message ${id} from ${from.at}: members of its queue group`,
    );
    if (chosen.length > 0)
      this.#checkPlace(
        from.cluster,
        chosen[0].by.cluster,
        members.map(({ by }) => by.cluster),
        id,
      );
  }

  #checkPlace(from: string, chosen: string, possible: readonly string[], id: number): void {
    const distance = (to: string): number => (to === from ? 0 : this.#latency[[from, to].sort().join(" ")] * 2);
    const nearest = Math.min(...possible.map(distance));
    const tooFar = distance(chosen) - nearest > CLEARLY_FARTHER_MS || (nearest === 0 && distance(chosen) > 0);
    assert.ok(!tooFar, `message ${id} from ${from} was served in ${chosen}, members are in ${possible.join()}`);
  }

  async #request(from: Party): Promise<void> {
    const serving = this.#parties.some(
      ({ account, listening }) => account === from.account && listening.some(({ pattern }) => pattern === SERVICE),
    );
    if (!serving) return;
    const inbox = `inbox.${this.#requests++}`;
    const sid = String(this.#nextSid++);
    from.client.send(`SUB ${inbox} ${sid}\r\nPUB ${SERVICE} ${inbox} 0\r\n\r\n`);
    const answers = new Map<string, number>();
    for (let ms = 0; ms < CALM_MS; ms += 5) {
      await this.#all.advance(5);
      this.#take(answers);
    }
    assert.deepEqual([...answers], [[inbox, 1]], `answers to ${inbox}, asked at ${from.at} in ${from.account}`);
    from.client.send(`UNSUB ${sid}\r\n`);
  }

  // ---------------------------------------------------------------- faults

  async #storm(): Promise<void> {
    const { wires } = this.#all.world;
    const names = [...this.#all.members.keys()];
    const repairs: (() => void)[] = [];
    const dead = new Set<string>();
    for (let i = 0; i < 4; i++) {
      const a = this.#pick(names);
      const b = this.#pick(names.filter((name) => name !== a));
      const what = this.#pick(["cut", "silence", "reset", "halfOpen", "crash"]);
      this.history.push(`${what} ${a} ${b}`);
      this.#faults++;
      if (what === "cut") wires.cut(a, b);
      else if (what === "silence") wires.cutSilently(a, b, { oneWay: this.#random.below(2) === 0 });
      else if (what === "reset") wires.reset(a, b);
      else if (what === "halfOpen") wires.halfOpen(a, b);
      else if (!dead.has(a)) {
        dead.add(a);
        this.#all.world.host(a).crash();
        this.#parties = this.#parties.filter(({ at }) => at !== a);
      }
      if (what === "cut" || what === "silence") repairs.push(() => wires.heal(a, b));
      for (let n = 0; n < 10; n++) {
        const party = this.#pick(this.#parties);
        const chance = this.#random.below(8);
        if (chance === 0 && party.listening.length < 5) this.#subscribe(party);
        else if (chance === 1 && party.listening.length > 1) this.#unsubscribe(party);
        else this.#publish(party, false);
        await this.#all.advance(this.#random.below(400));
        this.#take();
      }
    }
    for (const repair of repairs) repair();
    for (const name of dead) {
      this.#all.world.host(name).restart();
      await this.#all.startServer(name);
    }
    await this.#all.until("all clusters are connected again", () => this.#all.isWhole());
    await this.#people();
    // What was sent into silence may still come; pings find dead connections.
    await this.#all.advance(RECOVERY_MS * 3);
    await this.#all.until("all clusters are connected again", () => this.#all.isWhole());
    await this.#all.advance(RECOVERY_MS);
    this.#take();
  }
}

function same(a: Listening, b: Listening): boolean {
  return a.queue === b.queue;
}

interface Arrived {
  readonly subject: string;
  readonly sid: string;
  readonly reply: string;
  readonly payload: string;
}

function* messagesOf(party: Party): IterableIterator<Arrived> {
  const text = party.rest + party.client.take();
  party.rest = "";
  for (let at = 0; at < text.length; ) {
    const lineEnd = text.indexOf("\r\n", at);
    const args = lineEnd < 0 ? [] : text.slice(at, lineEnd).split(" ");
    const isMessage = args[0] === "MSG" || args[0] === "HMSG";
    const total = isMessage ? Number(args.at(-1)) : -2;
    if (lineEnd < 0 || lineEnd + 2 + total + 2 > text.length) {
      party.rest = text.slice(at);
      return;
    }
    if (isMessage) {
      const headerBytes = args[0] === "HMSG" ? Number(args.at(-2)) : 0;
      const fixed = args[0] === "HMSG" ? 5 : 4;
      const payload = text.slice(lineEnd + 2 + headerBytes, lineEnd + 2 + total);
      yield { subject: args[1], sid: args[2], reply: args.length > fixed ? args[3] : "", payload };
    }
    at = lineEnd + 2 + total + 2;
  }
}
