// What publishers of fast batches are told, as the table of jetstream-answers: natsnode and nats-server alike.
import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutNeighbour } from "./support/neighbour.js";
import { connectClient } from "./support/raw-client.js";
import { type ServerProgram, startServerProcess } from "./support/server-process.js";

/** What the reply subject says (without `.$FI`), the answers, and headers. */
type Step = readonly [wanted: string, answers: readonly object[], headers?: string];

const ack = (seq: number, msgs: number): object => ({ type: "ack", seq, msgs });
const gap = (expected: number, seq: number): object => ({ type: "gap", last_seq: expected, seq });
const done = (seq: number, batch: string, count: number): object => ({ stream: "S", seq, batch, count });
const refused = (code: number): object => ({ error: { err_code: code }, stream: "S", seq: 0 });
const WRONG = "NATS/1.0\r\nNats-Expected-Last-Sequence: 99\r\n\r\n";
const wrong = (seq: number): object => ({ type: "err", seq, error: { err_code: 10071 } });

const SCENARIOS: Readonly<Record<string, { readonly stream: object; readonly steps: readonly Step[] }>> = {
  "every reply subject with the ending is one of a fast batch": {
    stream: {},
    steps: [
      ["", [refused(10205)]],
      ["f.2.ok.1.0", [refused(10205)]],
    ],
  },
  "what a reply subject may say": {
    stream: { allow_batched: true },
    steps: [
      ["", [refused(10206)]],
      ["f.2.ok.2.0", [refused(10206)]],
      ["f.2.ok.1.1", [refused(10206)]],
      ["f.2.ok.1.3", [refused(10206)]],
      ["f.2.ok.0.4", [refused(10206)]],
      ["f.2.ok.1.4", [refused(10208)]],
      ["f.1.ok.1.0", [ack(0, 1), ack(1, 1)]],
      ["f.9.ok.2.2", [done(2, "f", 2)]],
      ["f.1000.ok.1.0", [ack(0, 500)]],
      ["f.2.ok.2.2", [done(4, "f", 2)]],
    ],
  },
  "a batch beside another one begins with few messages between its acknowledgements": {
    stream: { allow_batched: true },
    steps: [
      ["f.10.ok.1.0", [ack(0, 10)]],
      ["g.3.ok.1.0", [ack(0, 1), ack(1, 2)]],
      ["g.3.ok.3.1", [gap(2, 3), ack(3, 3)]],
    ],
  },
  "gaps, and sequences that go back": {
    stream: { allow_batched: true },
    steps: [
      ["f.10.ok.1.0", [ack(0, 10)]],
      ["f.10.ok.5.4", [gap(2, 6), ack(0, 10)]],
      ["f.10.ok.6.4", [gap(6, 7), ack(0, 10)]],
      ["f.10.ok.6.1", [gap(7, 6), done(1, "f", 6)]],
      ["f.10.ok.7.1", [refused(10208)]],
      ["f.10.fail.1.0", [ack(0, 10)]],
      ["f.10.fail.5.4", [gap(2, 6), done(2, "f", 1)]],
    ],
  },
  "messages that are not stored": {
    stream: { allow_batched: true },
    steps: [
      ["f.10.fail.1.0", [ack(0, 10), refused(10071)], WRONG],
      ["f.10.ok.1.2", [wrong(1), done(0, "f", 0)], WRONG],
      ["f.2.ok.1.0", [ack(0, 2)]],
      ["f.2.ok.2.1", [wrong(2)], WRONG],
      ["f.2.ok.3.1", [ack(2, 2)]],
      ["f.2.ok.4.2", [wrong(4), done(2, "f", 3)], WRONG],
    ],
  },
  "a stream without acknowledgements keeps only the first to itself": {
    stream: { allow_batched: true, no_ack: true },
    steps: [
      ["f.2.ok.1.2", [done(1, "f", 1)]],
      ["f.1.ok.1.0", [ack(1, 1)]],
      ["f.1.ok.2.1", [ack(2, 1)]],
    ],
  },
};

// Only what is expected has to be there: words of errors are those of the other table.
function told(actual: unknown, expected: unknown): unknown {
  if (typeof expected !== "object" || expected === null) return actual;
  const of = (actual ?? {}) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(expected).map(([key, item]) => [key, told(of[key], item)]));
}

const PROGRAMS: readonly (readonly [ServerProgram, string | false])[] = [
  ["natsnode", false],
  ["neighbour", withoutNeighbour()],
];
for (const [program, skip] of PROGRAMS) {
  test(`fast batches: ${program}`, { skip }, async (t) => {
    const server = await startServerProcess(t, { program, config: 'jetstream { store_dir: "{{DIR}}" }' });
    const client = await connectClient(t, server.port);
    client.send("SUB answers.> 1\r\nSUB made 2\r\n");
    const ask = async (subject: string, body = ""): Promise<void> => {
      client.send(`PUB $JS.API.STREAM.${subject} made ${body.length}\r\n${body}\r\n`);
      await client.expect(/^MSG made /);
    };
    for (const [name, { stream, steps }] of Object.entries(SCENARIOS)) {
      await t.test(name, async () => {
        await ask("DELETE.S");
        await ask("CREATE.S", JSON.stringify({ name: "S", subjects: ["a"], storage: "memory", ...stream }));
        for (const [wanted, answers, headers = ""] of steps) {
          const reply = `answers.here${wanted && "."}${wanted}.$FI`;
          const sizes = headers === "" ? "1" : `${headers.length} ${headers.length + 1}`;
          client.send(`${headers === "" ? "PUB" : "HPUB"} a ${reply} ${sizes}\r\n${headers}x\r\n`);
          for (const expected of answers) {
            const { payload } = await client.expect(/^MSG answers\./);
            assert.deepEqual(told(JSON.parse(payload), expected), expected, `${wanted}: ${payload}`);
          }
        }
      });
    }
  });
}
