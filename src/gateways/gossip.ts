// How clusters learn of each other: servers tell the URLs of their own cluster to those that dial, and the other clusters
// that they know of to those and to the servers of their own (conformance/topology, WIRE.md 3.1).
import { type PeerInfo, peerInfoLine } from "../protocol/peer-info.js";
import type { GatewayConnection } from "./gateway.js";
import { MAX_CLUSTERS, MAX_URLS } from "./limits.js";
import { RemoteCluster } from "./remote-cluster.js";
import type { GatewayRoom } from "./room.js";

/** What an INFO between gateways is for. */
export const GatewayCommand = { gossip: 1, interestBegins: 2, interestEnds: 3 } as const;

/** An INFO that says one thing and nothing about a server. */
export function commandInfo(gateway: string, command: number, rest: Partial<PeerInfo> = {}): PeerInfo {
  const nobody = { server_id: "", server_name: "", version: "", proto: 0, go: "", host: "", port: 0 };
  return { ...nobody, headers: false, max_payload: 0, gateway, gateway_cmd: command, ...rest };
}

export class GatewayGossip {
  readonly #room: GatewayRoom;
  // Of the other servers of this cluster, by server id.
  readonly #members = new Map<string, string>();

  constructor(room: GatewayRoom) {
    this.#room = room;
  }

  /** Where the servers of this cluster are reached, this one first. */
  get ownUrls(): string[] {
    return [...new Set([this.#room.url, ...this.#members.values()])];
  }

  /** A server of this cluster is there: others may dial it, too, and it is told of the other clusters. */
  memberJoined(id: string, { gateway_url }: PeerInfo): void {
    if (gateway_url === undefined || gateway_url === "") return;
    if (this.#members.get(id) !== gateway_url) {
      this.#members.set(id, gateway_url);
      this.#tellOwnUrls();
    }
    for (const remote of this.#room.remotes.values()) this.#tellCluster(remote, id);
  }

  memberLeft(id: string): void {
    if (this.#members.delete(id)) this.#tellOwnUrls();
  }

  /** A server of another cluster has dialled: it is told of the others. */
  tell(inbound: GatewayConnection): void {
    for (const remote of this.#room.remotes.values()) {
      if (remote.name !== inbound.cluster) inbound.send(peerInfoLine(this.#about(remote)));
    }
  }

  /** A connection to a cluster was made, or more was learned of it: everybody else is told. */
  spread(remote: RemoteCluster): void {
    const line = peerInfoLine(this.#about(remote));
    for (const inbound of this.#room.inbound) if (inbound.cluster !== remote.name) inbound.send(line);
    this.#tellCluster(remote);
  }

  /** Somebody tells of a cluster: it is dialled if it was not known. */
  heard({ gateway = "", gateway_urls = [] }: PeerInfo): void {
    const room = this.#room;
    if (gateway === "" || gateway === room.name || !room.welcomes(gateway)) return;
    const known = room.remotes.get(gateway);
    if (known !== undefined) {
      if (known.learn(gateway_urls) && known.outbound !== undefined) this.spread(known);
      return;
    }
    if (gateway_urls.length === 0 || room.remotes.size >= MAX_CLUSTERS) return;
    const remote = new RemoteCluster(gateway, undefined);
    remote.learn(gateway_urls);
    room.remotes.set(gateway, remote);
    room.dialer.start(remote);
  }

  #about(remote: RemoteCluster): PeerInfo {
    const { server } = this.#room;
    const urls = remote.toldUrls.slice(0, MAX_URLS);
    return commandInfo(remote.name, GatewayCommand.gossip, { server_id: server.id, gateway_urls: urls });
  }

  #tellCluster(remote: RemoteCluster, serverId?: string): void {
    const { server } = this.#room;
    if (remote.toldUrls.length === 0) return;
    server.clusterLink?.tell(
      { ...this.#about(remote), server_id: `GW${server.id}`, server_name: server.name },
      serverId,
    );
  }

  #tellOwnUrls(): void {
    for (const inbound of this.#room.inbound) inbound.sendInfo();
  }
}
