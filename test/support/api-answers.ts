// Scenarios of what the JetStream API answers, asked of natsnode, and of nats-server to see that they are right.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { connectClient, type RawClient } from "./raw-client.js";
import { type ServerProgram, startServerProcess } from "./server-process.js";

export interface Asked {
  readonly [name: string]: unknown;
}
/** Subject below `$JS.API.`, or a stream's own; body; what the answer has to hold, an error by its code and text. */
export type Step = readonly [
  subject: string,
  body: Asked | string,
  expected: Asked | string,
  headers?: Record<string, string>,
];

/** Nothing is asked: what was asked before has another answer. */
export const NEXT_ANSWER = "";
/** An answer that is an error. */
export const failed = (code: number, description: string): Asked => ({ error: { err_code: code, description } });
/** A request for a consumer of the stream S. */
export const consumer = (config: object, more: object = {}): Asked => ({ stream_name: "S", config, ...more });
/** Anything but an error. */
export const made: Asked = {};
/** A stream in files, and one in memory. */
export const FILE = { name: "S", subjects: ["a.>"] };
export const MEMORY = { ...FILE, storage: "memory" };
export type Scenarios = Readonly<Record<string, readonly Step[]>>;

// Whether all that `expected` has is in `actual`; what it has as undefined must not be there.
function assertHolds(actual: unknown, expected: unknown, where: string): void {
  if (typeof expected !== "object" || expected === null || Array.isArray(expected)) {
    assert.deepEqual(actual, expected, where);
    return;
  }
  for (const [key, value] of Object.entries(expected)) {
    assertHolds((actual as Asked | undefined)?.[key], value, `${where}, ${key}`);
  }
}

// Asks, and gives the status, the object or the text that comes back.
function asker(
  asking: RawClient,
): (subject: string, body: Asked | string, headers?: Record<string, string>) => Promise<unknown> {
  return async (subject: string, body: Asked | string, headers: Record<string, string> = {}): Promise<unknown> => {
    const to = /^(STREAM|CONSUMER|DIRECT)\./.test(subject) ? `$JS.API.${subject}` : subject;
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const block = lines.length === 0 ? "" : `NATS/1.0\r\n${lines.join("")}\r\n`;
    const sizes = block === "" ? text.length : `${block.length} ${block.length + text.length}`;
    if (subject !== NEXT_ANSWER)
      asking.send(`${block === "" ? "PUB" : "HPUB"} ${to} answers ${sizes}\r\n${block}${text}\r\n`);
    const { headers: told, payload } = await asking.expect(/^H?MSG /);
    const status = /^NATS\/1\.0 (.+?)\r\n\r\n/s.exec(told)?.[1];
    return status ?? (payload.startsWith("{") ? (JSON.parse(payload) as unknown) : payload);
  };
}

/** Plays scenarios, each as a test. */
export async function assertAnswers(t: TestContext, program: ServerProgram, scenarios: Scenarios): Promise<void> {
  // Each in an account of its own: nats-server may find again what of a stream of that name it is still deleting.
  const accounts = Object.keys(scenarios).map(
    (_, at) => `A${at} { jetstream: {}, users: [{ user: u${at}, password: p }] }`,
  );
  const config = `jetstream { store_dir: "{{DIR}}" }\naccounts {\n${accounts.join("\n")}\n}`;
  const server = await startServerProcess(t, { program, config });
  for (const [number, [name, steps]] of Object.entries(scenarios).entries()) {
    await t.test(name, async (t) => {
      const asking = await connectClient(t, server.port, { user: `u${number}`, pass: "p" });
      asking.send("SUB answers 1\r\n");
      const ask = asker(asking);
      for (const [at, [subject, body, expected, given]] of steps.entries()) {
        const answer = await ask(subject, body, given);
        if (expected === made) assertHolds(answer, { error: undefined }, `step ${at + 1}: ${subject}`);
        else assertHolds(answer, expected, `step ${at + 1}: ${subject} ${JSON.stringify(body)}`);
      }
    });
  }
}
