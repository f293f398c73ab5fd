// Finds the place of a new connection among those to the same server, or closes it as one too many
// (conformance/topology, WIRE.md 2.1 and 2.2).

import { encodeSubject } from "../options/subject-bytes.js";
import { quoted } from "../protocol/error-texts.js";
import type { PeerInfo } from "../protocol/peer-info.js";
import { CloseReason } from "../server/close-reason.js";
import { Solicitation } from "./dialer.js";
import { MAX_POOL_SIZE } from "./limits.js";
import { Peer } from "./peer.js";
import type { ClusterRoom } from "./room.js";
import type { RouteConnection } from "./route.js";
import { parseRouteUrl } from "./route-url.js";

/** Takes a connection whose other side has introduced itself. Returns whether it stays. */
export function registerRoute(room: ClusterRoom, route: RouteConnection, info: PeerInfo): boolean {
  const { server } = room;
  if (info.server_id === server.id) return reject(route, CloseReason.duplicateRoute);
  if (!route.solicited && info.server_name === server.name) {
    server.logger.error(`${route.label} - Remote server has a duplicate name: ${quoted(info.server_name)}`);
    return reject(route, CloseReason.duplicateServerName);
  }
  if (!route.solicited && info.route_account !== undefined) route.account = encodeSubject(info.route_account);
  const pools = (info.route_pool_size ?? 0) > 0 && room.options.poolSize > 0;
  const fault = faultOf(room, route, info, pools);
  if (fault !== undefined) {
    // A server without a pool has a connection for all accounts already, or is dialled for one.
    route.isNeedless = !pools && route.account !== undefined;
    route.refuse(fault, CloseReason.protocolViolation);
    return false;
  }
  const known = room.peers.get(info.server_id);
  const own = { poolSize: room.options.poolSize, dedicated: room.dedicatedAccounts };
  const peer = known ?? new Peer(info, server.router, pools, own);
  if (!takePlace(room, peer, route, info)) {
    handOver(peer, route);
    return reject(route, CloseReason.duplicateRoute);
  }
  if (known === undefined) room.peers.set(peer.id, peer);
  settle(room, peer, route, info);
  return true;
}

function faultOf(
  room: ClusterRoom,
  { account, accountText = "", solicited }: RouteConnection,
  info: PeerInfo,
  pools: boolean,
): string | undefined {
  const { route_pool_idx: index = 0, route_pool_size: theirs = 1 } = info;
  if (theirs > MAX_POOL_SIZE) return `Invalid route pool size: ${theirs}`;
  if (account !== undefined) {
    if (!pools) {
      return `Not possible to have a dedicated route for account ${quoted(accountText)} between those servers`;
    }
    return room.dedicatedAccounts.includes(account) ? undefined : `No route for account ${quoted(accountText)}`;
  }
  const known = room.peers.get(info.server_id);
  // It has been reloaded, and connections from before are still to end.
  if (known !== undefined && known.pools !== pools) return "Route pooling differs from that of the other connections";
  if (solicited) {
    if (!pools) return undefined;
    return index === 0 ? undefined : `Route pool index should not be set but is set to ${index}`;
  }
  const size = pools ? Math.max(room.options.poolSize, theirs) : 1;
  if (index >= 0 && index < size) return undefined;
  return `Invalid route pool index: ${index} - pool size is ${theirs}`;
}

/** Gives a connection its place; returns false when there is another one that keeps it. */
function takePlace(room: ClusterRoom, peer: Peer, route: RouteConnection, info: PeerInfo): boolean {
  while (peer.pools && peer.pool.length < (info.route_pool_size ?? 1)) peer.pool.push(undefined);
  const { account } = route;
  // The side that dials chooses the place in the pool: its first free one.
  const free = route.solicited ? peer.pool.indexOf(undefined) : (info.route_pool_idx ?? 0);
  const index = free === -1 ? peer.pool.length - 1 : free;
  const other = account === undefined ? peer.pool[index] : peer.dedicated.get(account);
  if (other !== undefined && !givesWay(room, peer, other, route)) return false;
  if (account !== undefined) peer.dedicated.set(account, route);
  else {
    peer.pool[index] = route;
    route.poolIndex = index;
  }
  if (other !== undefined) {
    handOver(peer, other);
    other.isNeedless = true;
    other.close(CloseReason.duplicateRoute);
  }
  return true;
}

// When both servers have dialled at once, both keep the connection of the one with the greater id; if each kept its first one,
// they would close both. A server with a pool that has dialled introduces itself only when the place is free on its side: what
// stands there on this side is dead then, whether or not that was noticed.
function givesWay({ server }: ClusterRoom, peer: Peer, other: RouteConnection, route: RouteConnection): boolean {
  const crossed = other.solicited !== route.solicited && !other.confirmed;
  if (route.solicited) return crossed && !peer.pools && server.id > peer.id;
  return crossed ? peer.id > server.id : peer.pools;
}

// Who dials is remembered with the connections that stay, which are then dialled again when they are lost.
function handOver(peer: Peer, route: RouteConnection): void {
  if (route.solicitation === undefined) return;
  if (route.solicitation.explicit) peer.knownAt.add(route.solicitation.url.text);
  const strongest = strongerOf(peer.solicitation, route.solicitation);
  peer.solicitation = strongest;
  // A server that was learned first and is configured under another address is dialled as a configured one.
  for (const link of peer.links) link.solicitation = strongerOf(link.solicitation, strongest);
  route.isNeedless = true;
}

function strongerOf(a: Solicitation | undefined, b: Solicitation): Solicitation {
  return a === undefined || (b.explicit && !a.explicit) ? b : a;
}

function settle(room: ClusterRoom, peer: Peer, route: RouteConnection, info: PeerInfo): void {
  const { server } = room;
  route.server = peer;
  if (route.solicitation !== undefined) {
    route.solicitation.failures = 0;
    handOver(peer, route);
    route.isNeedless = false;
  } else if (peer.solicitation !== undefined) route.solicitation = peer.solicitation;
  peer.relink();
  if (route.solicited) route.sendInfo();
  server.logger.debug(
    `${route.label} - Registering remote route ${quoted(peer.id)}${route.account === undefined ? "" : ` for account ${quoted(route.accountText ?? "")}`}`,
  );
  const inPool = peer.pool.filter((link) => link !== undefined).length;
  if (route.account !== undefined) {
    if (room.peers.size > 1) room.gossip.tell(route, info);
  } else if (inPool === 1) {
    if (room.peers.size > 1) room.gossip.tell(route, info);
    if (!room.options.noAdvertise) {
      const { connect_urls = [], ws_connect_urls = [] } = info.ldm ? {} : info;
      server.clientUrls.set(peer.id, connect_urls, ws_connect_urls);
    }
    server.events.emit("peerJoined", peer.id, info);
  }
  room.announceAll(route);
  if (peer.pools && route.solicited && route.account === undefined && inPool < peer.pool.length) {
    route.dialsNext = true;
    route.sendPing();
  }
}

function reject(route: RouteConnection, reason: CloseReason): false {
  if (route.solicitation !== undefined) route.isNeedless = true;
  route.close(reason);
  return false;
}

/** A server that another one told of, to be dialled; undefined when what was told makes no sense. */
export function solicitationOf(room: ClusterRoom, info: PeerInfo): Solicitation | undefined {
  const url = parseRouteUrl(info.ip ?? `nats-route://${info.host}:${info.port}/`);
  if (url === undefined) return undefined;
  const { user, password } = room.options.authorization ?? {};
  const login = info.auth_required === true ? { user, password } : {};
  return new Solicitation({ ...url, ...login }, false, info.gossip_mode ?? 0);
}
