// What the fuzzed protocols have in common: a connection to a server in memory, a runtime whose turns end when they are told to,
// and sessions that are damaged and cut.
import type { Clock } from "../clock.js";
import type { Transport, TransportHandler } from "../network.js";
import type { Prng } from "../prng.js";
import type { Random } from "../random.js";
import { type SimulatedRuntime, simulatedRuntime } from "./index.js";

/** A simulated runtime whose turns of the loop end by `endTurn` only, and whose choices are always the same. */
export function handDrivenRuntime(): { runtime: SimulatedRuntime; endTurn: () => void } {
  const simulated = simulatedRuntime({ seed: 1 });
  const turnEnds: (() => void)[] = [];
  const clock: Clock = Object.create(simulated.clock, {
    endOfTurn: { value: (run: () => void) => void turnEnds.push(run) },
  });
  const random: Random = Object.create(simulated.random, { below: { value: () => 0 }, float: { value: () => 0.5 } });
  const endTurn = (): void => {
    for (let run = turnEnds.shift(); run !== undefined; run = turnEnds.shift()) run();
  };
  return { runtime: { ...simulated, clock, random } as SimulatedRuntime, endTurn };
}

/** Both ends of a connection: the server's transport, and what comes out of it. */
export class FuzzedWire implements Transport {
  readonly remoteAddress: string = "10.1.1.1";
  readonly remotePort: number = 1;
  readonly localAddress: string = "10.1.1.2";
  readonly localPort: number = 2;
  readonly inProcess: boolean = false;
  readonly bufferedBytes = 0;
  output = "";
  ended = false;
  protected handler: TransportHandler | undefined;
  protected readonly endTurn: () => void;

  constructor(endTurn: () => void) {
    this.endTurn = endTurn;
  }

  get started(): boolean {
    return this.handler !== undefined;
  }

  start(handler: TransportHandler): void {
    this.handler = handler;
  }
  write(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.output += Buffer.from(chunk).toString("latin1");
  }
  pause(): void {}
  resume(): void {}
  end(): void {
    this.ended = true;
  }
  destroy(): void {
    this.ended = true;
  }

  /** Bytes come in, between others that are gone when they have been read. */
  feed(bytes: Uint8Array): void {
    if (this.ended) return;
    const chunk = Buffer.alloc(bytes.length + 8, 0x0a);
    chunk.set(bytes, 4);
    this.handler?.onData(chunk, 4, 4 + bytes.length);
    chunk.fill(0x2a);
    this.endTurn();
  }

  /** Feeds bytes in random chunks, until the connection ends. */
  feedInPieces(input: Buffer, prng: Prng): void {
    for (let at = 0; at < input.length && !this.ended; ) {
      const next = Math.min(input.length, at + 1 + prng.below(prng.below(2) === 0 ? 4 : input.length));
      this.feed(input.subarray(at, next));
      at = next;
    }
  }
}

/** A session with a few places cut out or filled with morsels, and perhaps without its end. */
export function damaged(session: Buffer, prng: Prng, morsels: readonly string[]): Buffer {
  let bytes = session;
  for (let edits = 1 + prng.below(4); edits > 0; edits--) {
    const at = prng.below(bytes.length + 1);
    const removed = prng.below(2) === 0 ? 0 : prng.below(8);
    const added = prng.below(3) === 0 ? "" : morsels[prng.below(morsels.length)];
    bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(added, "latin1"), bytes.subarray(at + removed)]);
  }
  return prng.below(3) === 0 ? bytes.subarray(0, prng.below(bytes.length + 1)) : bytes;
}
