// What TypeScript accepts as options and events: this file compiles only while every marked line is wrong.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApplicationLogger, NatsServer, ReadyEvent, ServerOptions, StartOptions } from "../src/index.js";
import { startServer } from "../src/index.js";

/** Never called: only its types are looked at. */
async function accepted(server: NatsServer): Promise<void> {
  await startServer();
  await startServer({ port: -1, logger: console, authorization: { users: [{ user: "a", password: "b" }] } });
  await server.reload({ ...server.options, debug: true });
  await startServer({ authenticate: ({ token }) => (token === "t" ? { account: "A" } : undefined) });
  await server.reload({ authenticate: async ({ user }) => ({ user, permissions: { publish: { allow: ["a"] } } }) });
  server.on("ready", ({ clientUrl }) => clientUrl.length).once("disconnect", ({ reason }) => reason.length);
  const connection = await server.connect({ name: "inside" });
  connection.publish("a", "b");
  await server.close({ lameDuck: true });
}

/** Never called: every statement is a mistake. */
async function refused(server: NatsServer): Promise<void> {
  // @ts-expect-error a port is a number
  await startServer({ port: "4222" });
  // @ts-expect-error the name is misspelt
  await startServer({ prot: 4222 });
  // @ts-expect-error a user's name is text
  await startServer({ authorization: { users: [{ user: 1 }] } });
  // @ts-expect-error JetStream is a block
  await startServer({ jetstream: "yes" });
  // @ts-expect-error a logger has methods
  await startServer({ logger: { info: "yes" } });
  // @ts-expect-error a reload does not change the logger
  await server.reload({ logger: console });
  // @ts-expect-error a grant is no boolean
  await startServer({ authenticate: () => true });
  // @ts-expect-error permissions have the shape of the options
  await startServer({ authenticate: () => ({ permissions: { publish: "a" } }) });
  // @ts-expect-error there is no such event
  server.on("connected", () => {});
  // @ts-expect-error a ready event has no reason
  server.on("ready", ({ reason }) => reason);
  // @ts-expect-error where the server is, it knows itself
  await server.connect({ servers: "nats://127.0.0.1:4222" });
  // @ts-expect-error options are read-only
  server.options.port = 1;
  // @ts-expect-error so is the id
  server.id = "N";
}

test("options and events are typed", () => {
  const options: StartOptions = { port: -1 } satisfies ServerOptions;
  const logger: ApplicationLogger = console;
  const ready: ReadyEvent = { clientUrl: "nats://127.0.0.1:4222", host: "127.0.0.1", port: 4222 };
  assert.deepEqual([typeof accepted, typeof refused, typeof logger.info], ["function", "function", "function"]);
  assert.equal(options.port, -1);
  assert.equal(ready.port, 4222);
});
