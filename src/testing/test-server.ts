// A server for one test: a free port of the loopback, storage in a temporary folder, nothing left when the test is over.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NatsServer } from "../library/nats-server.js";
import type { StartOptions } from "../library/settings.js";
import { startServer } from "../library/start-server.js";
import { nodeRuntime } from "../runtime/node/index.js";
import type { TimeDriver } from "../runtime/simulated/index.js";
import { atEndOf, type TestScope } from "./scope.js";

/**
 * Starts a server on 127.0.0.1 and a free port, `storeDir` in a new temporary folder. `options` win over these. It is closed
 * at the end of `scope`, or by `close()` or `await using` without one; the folder goes with it.
 */
export async function startTestServer(scope?: TestScope, options: StartOptions = {}): Promise<NatsServer> {
  const onRealDisk = (options.runtime ?? nodeRuntime()).disk === nodeRuntime().disk;
  const folder = onRealDisk ? mkdtempSync(join(tmpdir(), "natsnode-test-")) : undefined;
  // Whatever the server still writes at its end is waited for, for about a second.
  const removeFolder = (): void => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  };
  let server: NatsServer;
  try {
    server = await startServer({ ...placeOf(options), ...(folder && storeOf(options, folder)), ...options });
  } catch (error) {
    removeFolder();
    throw error;
  }
  server.on("closed", removeFolder);
  atEndOf(scope, () => closeIn(server, options.runtime));
  return server;
}

/** The hooks of a test runner; node:test, vitest and jest have them under these names. */
export interface TestHooks {
  beforeEach(prepare: () => Promise<void>): unknown;
  afterEach(cleanUp: () => Promise<void>): unknown;
}

/** A new server for every test of the file or suite: read `.server` inside the tests. */
export function serverPerTest(hooks: TestHooks, options: StartOptions = {}): { readonly server: NatsServer } {
  let current: NatsServer | undefined;
  hooks.beforeEach(async () => {
    current = await startTestServer(undefined, options);
  });
  hooks.afterEach(async () => {
    const server = current;
    current = undefined;
    if (server !== undefined) await closeIn(server, options.runtime);
  });
  return {
    get server() {
      if (current === undefined) throw new Error("the server exists only while a test runs");
      return current;
    },
  };
}

/** A configuration says itself where it listens; only the port must not clash. */
function placeOf(options: StartOptions): StartOptions {
  const configured = options.config !== undefined || options.configText !== undefined;
  return configured ? {} : { host: "127.0.0.1", port: -1 };
}

function storeOf(options: StartOptions, folder: string): StartOptions {
  return options.jetstream?.storeDir === undefined ? { storeDir: folder } : {};
}

/** In a simulation, time has to pass for a server to close. */
function closeIn(server: NatsServer, runtime: StartOptions["runtime"]): Promise<void> {
  const clock = runtime?.clock as Partial<TimeDriver> | undefined;
  return clock?.settle === undefined ? server.close() : clock.settle(server.close());
}
