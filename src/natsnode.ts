// Puts a server together from its rooms.
import type { ResolvedOptions } from "./options/options.js";
import type { Logger } from "./runtime/logger.js";
import type { Runtime } from "./runtime/runtime.js";
import { Server } from "./server/server.js";

/** A server with everything that its options ask for; not started yet. */
export function createServer(options: ResolvedOptions, parts: { runtime: Runtime; logger?: Logger }): Server {
  return new Server(options, parts);
}
