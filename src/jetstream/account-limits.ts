// Which accounts have JetStream, and within what limits: as the configuration or the account's JWT says.
import type { Account } from "../accounts/account.js";
import type { JetStreamTier } from "../auth/jwt/account-claims.js";
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

/** What no tier is for. */
export const NOTHING_ALLOWED: AccountJetStreamLimits = {
  maxMemoryBytes: 0,
  maxStoreBytes: 0,
  maxStreams: 0,
  maxConsumers: 0,
  maxAckPending: 0,
  memoryMaxStreamBytes: 0,
  storeMaxStreamBytes: 0,
  maxBytesRequired: false,
};

/** Of each tier; "" are those that hold for all streams. Others, as R1, are of the streams with so many replicas. */
export type LimitTiers = ReadonlyMap<string, AccountJetStreamLimits>;

export const NO_TIERS: LimitTiers = new Map([["", NO_JETSTREAM_LIMITS]]);

/** The limits of streams with so many replicas; undefined where no tier is for them. */
export function tierFor(tiers: LimitTiers, replicas: number): AccountJetStreamLimits | undefined {
  return tiers.get("") ?? tiers.get(`R${replicas}`);
}

/** The limits of an account; undefined when it has no JetStream. */
export function limitsOf({ accounts, options, operatorMode }: Server, account: Account): LimitTiers | undefined {
  if (account === accounts.system) return undefined;
  const claims = operatorMode?.accounts.get(account.name)?.claims;
  if (claims !== undefined) {
    return claims.jetstream.size === 0 ? undefined : new Map([...claims.jetstream].map(claimedTier));
  }
  const configured = options.accounts;
  const wanted = configured[account.name]?.jetstream;
  if (wanted?.enabled) return new Map([["", wanted]]);
  const isAlone = operatorMode === undefined && Object.keys(configured).length === 0;
  return isAlone && account === accounts.global ? NO_TIERS : undefined;
}

function claimedTier([name, claimed]: [string, JetStreamTier]): [string, AccountJetStreamLimits] {
  const { memoryBytes: maxMemoryBytes, storeBytes: maxStoreBytes, ...rest } = claimed;
  const { streams: maxStreams, consumers: maxConsumers, ...same } = rest;
  return [name, { ...same, maxMemoryBytes, maxStoreBytes, maxStreams, maxConsumers }];
}
