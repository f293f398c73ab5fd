// The other side of a route, played by a test: it introduces itself as it is told, and says and hears bytes.
import type { LocalServer } from "./local-server.js";
import { connectRaw, type RawClient } from "./raw-client.js";
import type { Scope } from "./temporary-folder.js";

/** INFO of a server without a pool, of the cluster "C" as `startLocalCluster` makes it. */
export const SCRIPTED_INFO = {
  server_id: "NSCRIPTED",
  server_name: "scripted",
  version: "2.15.1",
  proto: 3,
  host: "127.0.0.1",
  port: 1,
  headers: true,
  max_payload: 1048576,
  cluster: "C",
  lnoc: true,
  lnocu: true,
};

/** Connects to a server's port for routes and takes its INFO; PINGs are answered. */
export async function dialRoute(scope: Scope, { server }: LocalServer): Promise<RawClient> {
  const route = await connectRaw(scope, server.addresses["cluster"].port);
  route.answersPings = true;
  await route.info();
  return route;
}

/** The same, and introduces itself; resolves when the server has taken the connection, with the interest that it told. */
export async function joinAsRoute(
  scope: Scope,
  server: LocalServer,
  info: object = {},
  connect: object = {},
): Promise<{ route: RawClient; interest: string[] }> {
  const route = await dialRoute(scope, server);
  route.send(`CONNECT ${JSON.stringify({ name: "NSCRIPTED", cluster: "C", lnoc: true, ...connect })}\r\n`);
  route.send(`INFO ${JSON.stringify({ ...SCRIPTED_INFO, ...info })}\r\n`);
  const told = await route.sync();
  return { route, interest: told.map(({ line }) => line) };
}
