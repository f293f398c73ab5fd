// A stream and its mirrors on all servers, from which a client may read the same messages (`alternates` of a stream's info).
import type { JetStreamAccount } from "../js-account.js";
import type { StreamConfig } from "../streams/stream-config.js";

interface Alternate {
  readonly name: string;
  readonly domain?: string | undefined;
  readonly cluster: string;
}

/** The stream itself, then its mirrors: those in its own cluster before others, by name. Undefined when there are none. */
export function alternates({ js, account, streams }: JetStreamAccount, name: string): Alternate[] | undefined {
  if (js.cluster === undefined) return undefined;
  const own = js.cluster.place.name ?? "";
  const mirrors = new Map<string, Alternate>();
  const add = ({ name: mirrorName, mirror }: StreamConfig, cluster: string): void => {
    if (mirror?.name !== name || mirror.external !== undefined) return;
    mirrors.set(mirrorName, { name: mirrorName, domain: js.domain, cluster });
  };
  for (const { peer, stream } of js.cluster.peers.streams(account.name).values()) add(stream.config, peer.cluster);
  for (const { config } of streams.values()) add(config, own);
  if (mirrors.size === 0) return undefined;
  const isFar = ({ cluster }: Alternate): number => Number(cluster !== own);
  const sorted = [...mirrors.values()].sort((a, b) => isFar(a) - isFar(b) || (a.name < b.name ? -1 : 1));
  return [{ name, domain: js.domain, cluster: own }, ...sorted];
}
