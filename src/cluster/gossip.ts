// How servers of a cluster learn of each other: a server that gets a new connection tells all the others
// (conformance/topology, WIRE.md 2.5).
import { encodeSubject } from "../options/subject-bytes.js";
import { type PeerInfo, peerInfoLine } from "../protocol/peer-info.js";
import { hostPort } from "../server/host-port.js";
import { MAX_PEERS } from "./limits.js";
import { solicitationOf } from "./registration.js";
import type { ClusterRoom } from "./room.js";
import type { RouteConnection } from "./route.js";
import { parseRouteUrl } from "./route-url.js";

/** What the teller says of a newcomer: whether it is to be told on. */
const GossipMode = { default: 0, disabled: 1, override: 2 } as const;

export class Gossip {
  readonly #room: ClusterRoom;

  constructor(room: ClusterRoom) {
    this.#room = room;
  }

  /** Tells the other servers of one that a connection was made to. */
  tell(route: RouteConnection, info: PeerInfo): void {
    const { solicited, solicitation, gossipMode } = route;
    const isLearned = solicited && solicitation?.explicit === false;
    if ((isLearned && gossipMode !== GossipMode.override) || info.gossip_mode === GossipMode.disabled) return;
    const ip = info.ip ?? `nats-route://${hostPort(route.transport.remoteAddress, info.port)}/`;
    for (const peer of this.#room.peers.values()) {
      if (peer.id === info.server_id || (route.account !== undefined && !peer.pools)) continue;
      const link = (route.account === undefined ? undefined : peer.dedicated.get(route.account)) ?? peer.anyLink;
      if (link === undefined) continue;
      const configured = solicited ? solicitation?.explicit === true : link.solicitation?.explicit === true;
      const mode = configured ? GossipMode.override : solicited ? GossipMode.default : GossipMode.disabled;
      const told = { ...info, ip, nonce: undefined, route_account: route.accountText, gossip_mode: mode };
      link.send(peerInfoLine(told));
    }
  }

  /** A server has told of another one: it is dialled unless it is known. */
  heard(from: RouteConnection, info: PeerInfo): void {
    const room = this.#room;
    if (info.server_id === room.server.id || room.peers.size + room.dialer.size >= MAX_PEERS) return;
    const known = room.peers.get(info.server_id);
    const account = info.route_account === undefined ? undefined : encodeSubject(info.route_account);
    if (account !== undefined) {
      if (room.options.poolSize <= 0 || known?.dedicated.has(account)) return;
      if (!room.dedicatedAccounts.includes(account)) return;
    } else if (known?.pool.some((link) => link !== undefined)) return;
    if (this.#isConfigured(info)) return;
    const solicitation = solicitationOf(room, info);
    if (solicitation === undefined) return;
    room.dialer.start(solicitation, account);
    if (from.server?.pools === false && account === undefined) {
      for (const dedicated of room.dedicatedAccounts) room.dialer.start(solicitation, dedicated);
    }
  }

  /** The other side gives an account a connection of its own: its interest comes over that from now on. */
  accountMoves(route: RouteConnection, info: PeerInfo): void {
    if (info.route_account === undefined) return;
    route.send(peerInfoLine({ ...info, route_account: undefined }));
  }

  #isConfigured({ host, port, ip }: PeerInfo): boolean {
    const told = ip === undefined ? undefined : parseRouteUrl(ip);
    return this.#room.options.routes.some((text) => {
      const url = parseRouteUrl(text);
      if (url === undefined) return false;
      return (url.host === host && url.port === port) || (url.host === told?.host && url.port === told.port);
    });
  }
}
