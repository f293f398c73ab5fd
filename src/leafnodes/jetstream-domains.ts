// What of JetStream stays on its own side of a leaf link, so that two domains never mix (conformance/topology, WIRE.md 4.5).
import type { Account } from "../accounts/account.js";
import type { Server } from "../server/server.js";

/** The API without a domain, and buckets. */
const OF_CLIENTS = ["$JS.API.>", "$KV.>", "$OBJ.>"];
/** Between the servers of one JetStream. */
const OF_SERVERS = ["$JSC.>", "$NRG.>"];

/** Subjects (latin1) that may not come in over a leaf link, and those that may not go out. */
export interface KeptApart {
  readonly come: readonly string[];
  readonly go: readonly string[];
}

const NOTHING: KeptApart = { come: [], go: [] };

/**
 * What a link of an account keeps apart.
 * @param isHub whether the other end is the hub
 * @param remoteDomain what the other end says of its domain
 */
export function keptApart(
  { options, accounts }: Pick<Server, "options" | "accounts">,
  account: Account,
  isHub: boolean,
  remoteDomain = "",
): KeptApart {
  const { jetstream, defaultJsDomain } = options;
  const domain = jetstream?.domain ?? "";
  const isEnabled = jetstream?.enabled === true;
  const isSystem = account === accounts.system;
  // Servers from before there were domains.
  if (!isSystem && defaultJsDomain[account.name] === "") return NOTHING;
  const differ = domain !== remoteDomain || (!isEnabled && domain === "");
  if (isSystem) {
    // Each end has a JetStream of its own, also where both say that they are of one domain.
    if (!isEnabled && !differ && !Object.values(defaultJsDomain).includes("")) return NOTHING;
    const all = [...OF_SERVERS, ...OF_CLIENTS];
    return { come: all, go: all };
  }
  // Requests for this server's domain find their way here, and never to another of the same name.
  const own = isEnabled && domain !== "" ? [`$JS.${domain}.API.>`] : [];
  // A leaf node decides itself what it asks its hub for: `default_js_domain` may say so.
  return { come: isHub ? OF_CLIENTS : [], go: [...OF_CLIENTS, ...own] };
}
