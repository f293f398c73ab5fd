// Which accounts have JetStream, and within what limits: as the configuration or the account's JWT says.
import type { Account } from "../accounts/account.js";
import type { Server } from "../server/server.js";

/** Below 0: no limit. */
export interface AccountJetStreamLimits {
  readonly maxMemoryBytes: number;
  readonly maxStoreBytes: number;
  readonly maxStreams: number;
  readonly maxConsumers: number;
  readonly maxAckPending: number;
  readonly memoryMaxStreamBytes: number;
  readonly storeMaxStreamBytes: number;
  readonly maxBytesRequired: boolean;
}

export const NO_JETSTREAM_LIMITS: AccountJetStreamLimits = {
  maxMemoryBytes: -1,
  maxStoreBytes: -1,
  maxStreams: -1,
  maxConsumers: -1,
  maxAckPending: -1,
  memoryMaxStreamBytes: -1,
  storeMaxStreamBytes: -1,
  maxBytesRequired: false,
};

/** Streams of one server have one replica: of a JWT's tiers theirs is this, when there is none for all. */
const TIERS = ["", "R1"];

/** The limits of an account, and the tier that they are of; undefined when it has no JetStream. */
export function limitsOf(
  { accounts, options, operatorMode }: Server,
  account: Account,
): { tier: string; limits: AccountJetStreamLimits } | undefined {
  if (account === accounts.system) return undefined;
  const claims = operatorMode?.accounts.get(account.name)?.claims;
  if (claims !== undefined) {
    for (const tier of TIERS) {
      const found = claims.jetstream.get(tier);
      if (found === undefined) continue;
      const { memoryBytes: maxMemoryBytes, storeBytes: maxStoreBytes, ...rest } = found;
      const { streams: maxStreams, consumers: maxConsumers, ...same } = rest;
      return { tier, limits: { ...same, maxMemoryBytes, maxStoreBytes, maxStreams, maxConsumers } };
    }
    return undefined;
  }
  const configured = options.accounts;
  const wanted = configured[account.name]?.jetstream;
  if (wanted?.enabled) return { tier: "", limits: wanted };
  const isAlone = operatorMode === undefined && Object.keys(configured).length === 0;
  return isAlone && account === accounts.global ? { tier: "", limits: NO_JETSTREAM_LIMITS } : undefined;
}
