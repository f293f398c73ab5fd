// Micro-benchmark of the S2 codec in src/protocol: CRC-32C at several lengths, and each mode on what routes carry.
import { crc32c } from "../src/protocol/crc32c.js";
import { S2Reader } from "../src/protocol/s2-reader.js";
import { type S2Mode, S2Writer } from "../src/protocol/s2-writer.js";
import { Prng } from "../src/runtime/prng.js";

const FLUSH_BYTES = 240 * 1024;
const MODES: readonly S2Mode[] = ["s2_uncompressed", "s2_fast", "s2_better", "s2_best"];
const random = new Prng(new Uint8Array(16).fill(7));

/** The shortest of many runs, in nanoseconds: other programs only ever make it longer. */
function shortest(runs: number, run: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const begun = process.hrtime.bigint();
    run();
    least = Math.min(least, Number(process.hrtime.bigint() - begun));
  }
  return least;
}

const rate = (bytes: number, ns: number): string => `${((bytes / ns) * 1000).toFixed(0).padStart(6)} MB/s`;

function flushOf(payload: (at: number) => Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let bytes = 0, at = 0; bytes < FLUSH_BYTES; at++) {
    const body = payload(at);
    parts.push(Buffer.from(`RMSG $G market.${at % 50}.quotes ${body.length}\r\n`), body, Buffer.from("\r\n"));
    bytes += body.length + 30;
  }
  return Buffer.concat(parts);
}

const bytesOf = (count: number): Buffer => Buffer.from(Uint8Array.from({ length: count }, () => random.below(256)));
const quote = (): Buffer => {
  const pair = ["EURUSD", "GBPUSD", "USDJPY", "AUDUSD"][random.below(4)];
  const price = (1 + random.below(100_000) / 100_000).toFixed(5);
  const venue = { name: "LDN", session: random.below(5) };
  return Buffer.from(
    JSON.stringify({ id: random.below(1e9).toString(36), time: 1.7e12 + random.below(1e9), pair, price, venue }),
  );
};

const noise = bytesOf(300_000);
for (const length of [16, 64, 256, 512, 1024, 4096, 65_536, 262_144]) {
  const times = Math.ceil(1_000_000 / length);
  const ns = shortest(30, () => {
    for (let i = 0; i < times; i++) crc32c(noise, 3, 3 + length);
  });
  console.log(
    `crc32c of ${String(length).padEnd(7)} ${(ns / times).toFixed(0).padStart(6)} ns ${rate(length * times, ns)}`,
  );
}

const flushes: Record<string, Buffer> = {
  "16 bytes": flushOf(() => Buffer.from("0123456789abcdef")),
  "JSON quotes": flushOf(quote),
  "128 random bytes": flushOf(() => bytesOf(128)),
  "1 KB random bytes": flushOf(() => bytesOf(1024)),
};
for (const [name, flush] of Object.entries(flushes)) {
  for (const mode of MODES) {
    const writer = new S2Writer(mode);
    const stream = Buffer.concat(writer.frame([flush]));
    const reader = new S2Reader(() => true);
    const written = shortest(20, () => {
      writer.frame([flush]);
      writer.reuse();
    });
    const read = shortest(40, () => reader.feed(stream, 0, stream.length));
    const share = `${((100 * stream.length) / flush.length).toFixed(1)} %`;
    console.log(
      `${name.padEnd(18)} ${mode.padEnd(16)} ${share.padStart(7)}  write ${rate(flush.length, written)}  read ${rate(flush.length, read)}`,
    );
  }
}
