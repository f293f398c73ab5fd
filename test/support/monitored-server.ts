// A server with a monitoring port, for tests of its pages.
import type { TestContext } from "node:test";
import { createServer } from "../../src/natsnode.js";
import { resolveOptions, type ServerOptions } from "../../src/options/options.js";
import { nodeRuntime } from "../../src/runtime/node/index.js";
import type { Server } from "../../src/server/server.js";

export interface Started {
  readonly server: Server;
  readonly port: number;
  get(path: string, method?: string): Promise<Response>;
  json(path: string): Promise<Json>;
}

// biome-ignore lint/suspicious/noExplicitAny: what a page shows is looked at member by member
export type Json = any;

export const ACCOUNTS = {
  $SYS: { users: [{ user: "sys", password: "p" }] },
  A: { users: [{ user: "a", password: "p" }] },
  B: { users: [{ user: "b", password: "p" }] },
};

/** Starts a server whose pages can be asked for; closed when `t` ends. */
export async function started(t: TestContext, options: ServerOptions = {}): Promise<Started> {
  const local = { host: "127.0.0.1", port: -1, httpHost: "127.0.0.1", httpPort: -1 };
  const server = createServer(resolveOptions({ ...local, ...options }), { runtime: nodeRuntime() });
  await server.start();
  t.after(() => server.close());
  const { client, monitoring } = server.addresses;
  const get = (path: string, method = "GET"): Promise<Response> =>
    fetch(`http://127.0.0.1:${monitoring.port}${path}`, { method });
  return { server, port: client.port, get, json: async (path) => (await get(path)).json() };
}
