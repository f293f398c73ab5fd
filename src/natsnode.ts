// Puts a server together from its rooms.
import type { Authenticate } from "./auth/application-login.js";
import { ClusterRoom } from "./cluster/room.js";
import { GatewayRoom } from "./gateways/room.js";
import { NeighbourRoom } from "./jetstream/peers/neighbour-room.js";
import { JetStreamRoom } from "./jetstream/room.js";
import { LeafRoom } from "./leafnodes/room.js";
import type { ConfigSource } from "./monitoring/config-source.js";
import { Pages } from "./monitoring/pages.js";
import { MonitoringRoom } from "./monitoring/room.js";
import type { ResolvedOptions } from "./options/options.js";
import type { Logger } from "./runtime/logger.js";
import type { Runtime } from "./runtime/runtime.js";
import { Server } from "./server/server.js";
import { SystemRoom } from "./system/room.js";
import { WebsocketRoom } from "./websocket/room.js";

export interface CreateParts {
  readonly runtime: Runtime;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Where the options come from; without it nobody can ask for a reload over the system account. */
  readonly config?: ConfigSource;
  /** Decides on logins where the options have no users. */
  readonly authenticate?: Authenticate;
}

/** A server with everything that its options ask for; not started yet. */
export function createServer(options: ResolvedOptions, parts: CreateParts): Server {
  const server = new Server(options, parts);
  if (ClusterRoom.isWanted(options)) server.use(new ClusterRoom(server));
  if (GatewayRoom.isWanted(options)) server.use(new GatewayRoom(server));
  const websocket = new WebsocketRoom(server);
  if (LeafRoom.isWanted(options)) server.use(new LeafRoom(server, websocket));
  if (JetStreamRoom.isWanted(options)) server.use(new JetStreamRoom(server));
  else if (NeighbourRoom.isWanted(options)) server.use(new NeighbourRoom(server));
  const pages = new Pages(server, parts.config);
  server.use(new MonitoringRoom(server, pages));
  server.use(new SystemRoom(server, pages, parts.config));
  server.use(websocket);
  return server;
}
