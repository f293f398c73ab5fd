// The topologies that `natsnode lab` knows: which servers there are, and how they find each other.
import type { ServerOptions } from "../../options/options.js";

/** A server of a topology. Ports are free ones unless a base is given. */
export interface LabServer {
  readonly name: string;
  /** Servers with the same group stand together: between groups there may be distance. */
  readonly group: string;
  options(ports: PortOf): ServerOptions;
}

/** The port of a listener of a server. */
export type PortOf = (server: string, listener: "client" | "cluster" | "gateway" | "leafnodes") => number;

const HOST = "127.0.0.1";

const urls = (scheme: string, names: readonly string[], port: (name: string) => number): string[] =>
  names.map((name) => `${scheme}://${HOST}:${port(name)}`);

function member(name: string, cluster: string, all: readonly string[]): LabServer {
  return {
    name,
    group: cluster,
    options: (ports) => ({
      serverName: name,
      host: HOST,
      port: ports(name, "client"),
      cluster: {
        name: cluster,
        host: HOST,
        port: ports(name, "cluster"),
        routes: urls(
          "nats-route",
          all.filter((other) => other !== name),
          (other) => ports(other, "cluster"),
        ),
      },
    }),
  };
}

const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);

/** One cluster: n1, n2, ... */
export function clusterTopology(size: number): LabServer[] {
  const names = numbered("n", size);
  return names.map((name) => member(name, "lab", names));
}

/** Clusters joined by gateways: east1, east2, ..., west1, ... */
export function superClusterTopology(clusters: readonly string[], size: number): LabServer[] {
  return clusters.flatMap((cluster) => {
    const names = numbered(cluster, size);
    return names.map((name) => {
      const { group, options } = member(name, cluster, names);
      return {
        name,
        group,
        options: (ports: PortOf): ServerOptions => ({
          ...options(ports),
          gateway: {
            name: cluster,
            host: HOST,
            port: ports(name, "gateway"),
            gateways: clusters.map((other) => ({
              name: other,
              urls: urls("nats", numbered(other, size), (one) => ports(one, "gateway")),
            })),
          },
        }),
      };
    });
  });
}

/** A cluster as the hub, and leaf nodes: hub1, hub2, ..., leaf1, ... */
export function leafTopology(hubs: number, leafs: number): LabServer[] {
  const names = numbered("hub", hubs);
  const hub = names.map((name) => {
    const { group, options } = member(name, "hub", names);
    return {
      name,
      group,
      options: (ports: PortOf): ServerOptions => ({
        ...options(ports),
        leafnodes: { host: HOST, port: ports(name, "leafnodes") },
      }),
    };
  });
  const leaf = numbered("leaf", leafs).map((name) => ({
    name,
    group: name,
    options: (ports: PortOf): ServerOptions => ({
      serverName: name,
      host: HOST,
      port: ports(name, "client"),
      leafnodes: { remotes: [{ urls: urls("nats-leaf", names, (one) => ports(one, "leafnodes")) }] },
    }),
  }));
  return [...hub, ...leaf];
}
