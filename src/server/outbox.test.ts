import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Transport } from "../runtime/network.js";
import { LARGE_CHUNK_BYTES, SMALL_CHUNK_BYTES } from "./limits.js";
import { ChunkPool, Outbox } from "./outbox.js";

/** Takes everything, or holds it back until `drain`. */
class Sink {
  readonly written: Buffer[] = [];
  held: Uint8Array[] = [];
  blocked = false;

  get bufferedBytes(): number {
    return this.held.reduce((sum, chunk) => sum + chunk.length, 0);
  }
  write(chunks: readonly Uint8Array[]): void {
    if (this.blocked) this.held.push(...chunks);
    else for (const chunk of chunks) this.written.push(Buffer.from(chunk));
  }
  drain(): void {
    for (const chunk of this.held) this.written.push(Buffer.from(chunk));
    this.held = [];
  }
  text(): string {
    return Buffer.concat(this.written).toString("latin1");
  }
}
const asTransport = (sink: Sink): Transport => sink as unknown as Transport;

test("what was appended, reserved and referenced comes out in order, whatever the sizes and flushes", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("append" as const), bytes: fc.integer({ min: 0, max: 3 * LARGE_CHUNK_BYTES }) }),
    fc.record({ kind: fc.constant("reserve" as const), bytes: fc.integer({ min: 1, max: SMALL_CHUNK_BYTES + 99 }) }),
    fc.record({ kind: fc.constant("reference" as const), bytes: fc.integer({ min: 1, max: 5000 }) }),
    fc.record({ kind: fc.constantFrom("flush" as const, "block" as const, "drain" as const), bytes: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const sink = new Sink();
      const outbox = new Outbox(new ChunkPool());
      let expected = "";
      let letter = 0;
      for (const { kind, bytes } of steps) {
        letter = (letter + 1) % 26;
        const data = Buffer.alloc(bytes, 97 + letter);
        if (kind === "append") outbox.append(data, 0, bytes);
        else if (kind === "reference") outbox.reference(data);
        else if (kind === "reserve") {
          outbox.reserve(bytes);
          data.copy(outbox.chunk, outbox.position);
          outbox.position += bytes;
        } else if (kind === "flush") outbox.flush(asTransport(sink), 100_000);
        else if (kind === "block") sink.blocked = true;
        else {
          sink.drain();
          sink.blocked = false;
          outbox.drained();
        }
        expected += data.toString("latin1");
        assert.equal(outbox.bytes + sink.bufferedBytes + sink.text().length, expected.length);
      }
      outbox.flush(asTransport(sink), Number.POSITIVE_INFINITY);
      sink.drain();
      assert.equal(sink.text(), expected);
    }),
    { numRuns: 60 },
  );
});

test("chunks are used again only after the transport has let go of them", () => {
  const pool = new ChunkPool();
  const sink = new Sink();
  const first = new Outbox(pool);
  const second = new Outbox(pool);
  sink.blocked = true;
  first.append(Buffer.from("first"), 0, 5);
  first.flush(asTransport(sink), Number.POSITIVE_INFINITY);
  second.append(Buffer.from("SECOND"), 0, 6);
  sink.drain();
  assert.equal(sink.text(), "first");
  const { chunk } = second;
  first.drained();
  second.flush(asTransport(new Sink()), Number.POSITIVE_INFINITY);
  first.append(Buffer.from("x"), 0, 1);
  assert.equal(first.chunk, chunk, "the chunk given back last goes out first");
});

test("an outbox without output holds no chunk", () => {
  const outbox = new Outbox(new ChunkPool());
  outbox.append(Buffer.from("a"), 0, 1);
  outbox.flush(asTransport(new Sink()), Number.POSITIVE_INFINITY);
  assert.equal(outbox.chunk.length, 0);
  outbox.append(Buffer.from("a"), 0, 1);
  outbox.clear();
  assert.equal(outbox.bytes, 0);
});
