// Which member of a queue group gets a message: members of this cluster before those over leaf links and gateways, and
// among those at random, where a server that stands for several members counts as often, but the nearest of several clusters
// (conformance/topology, WIRE.md 2.4 and 3.2).
import type { Message } from "../accounts/message.js";
import type { DeliveryTarget, Subscription } from "../accounts/subscription.js";
import type { Random } from "../runtime/random.js";

/** Hears of members that have thrown; the message is offered to the others. */
export interface FaultHandler {
  targetFailed(subscription: Subscription, error: unknown): void;
}

/** The members of one rank, and how often each counts. */
interface Rank {
  readonly members: readonly Subscription[];
  readonly totalWeight: number;
  /** Members in other clusters: their distances count instead, as they are at the moment. */
  readonly nearestFirst: boolean;
}

/** A group's members in the order in which they are tried; `undefined` where all are equal. */
type Ranks = readonly Rank[] | undefined;

interface Group {
  readonly ranks: Ranks;
  /** Those that get what comes from other servers of the cluster: not other servers of the cluster. */
  readonly fromRoute: readonly Subscription[];
}

// Arrays of members belong to match results, which are made anew when a member comes or goes.
const known = new WeakMap<readonly Subscription[], Group>();

/**
 * Offers the message to members until one takes it. Returns whether one did.
 * @param members not empty
 */
export function offerToGroup(
  members: readonly Subscription[],
  random: Random,
  message: Message,
  source: DeliveryTarget | undefined,
  faults: FaultHandler,
): boolean {
  let found = known.get(members);
  if (found === undefined) {
    const nearer = members.filter(({ target }) => target.peer !== "route");
    found = { ranks: ranksOf(members), fromRoute: nearer.length === members.length ? members : nearer };
    known.set(members, found);
  }
  const { ranks, fromRoute } = found;
  // They would all refuse it, and whoever stands behind them would be chosen for each.
  if (source?.peer === "route" && fromRoute !== members) {
    return fromRoute.length > 0 && offerToGroup(fromRoute, random, message, source, faults);
  }
  if (ranks === undefined) return offerFrom(members, random.below(members.length), message, source, faults);
  for (const { members, totalWeight, nearestFirst } of ranks) {
    if (nearestFirst) {
      if (offerNearest(members, message, source, faults)) return true;
    } else if (offerFrom(members, weighted(members, totalWeight, random), message, source, faults)) return true;
  }
  return false;
}

function offerNearest(
  members: readonly Subscription[],
  message: Message,
  source: DeliveryTarget | undefined,
  faults: FaultHandler,
): boolean {
  let nearest = members[0];
  for (const member of members) if (distanceOf(member) < distanceOf(nearest)) nearest = member;
  if (offer(nearest, message, source, faults)) return true;
  if (members.length === 1) return false;
  const others = members.filter((member) => member !== nearest);
  return others.sort((a, b) => distanceOf(a) - distanceOf(b)).some((member) => offer(member, message, source, faults));
}

function distanceOf({ target }: Subscription): number {
  return target.distanceMs ?? Number.MAX_VALUE;
}

function offerFrom(
  members: readonly Subscription[],
  first: number,
  message: Message,
  source: DeliveryTarget | undefined,
  faults: FaultHandler,
): boolean {
  const count = members.length;
  for (let i = 0; i < count; i++) {
    const member = members[first + i < count ? first + i : first + i - count];
    if (offer(member, message, source, faults)) return true;
  }
  return false;
}

function offer(
  member: Subscription,
  message: Message,
  source: DeliveryTarget | undefined,
  faults: FaultHandler,
): boolean {
  try {
    return member.target.deliver(member, message, source);
  } catch (error) {
    faults.targetFailed(member, error);
    return false;
  }
}

function weighted(members: readonly Subscription[], totalWeight: number, random: Random): number {
  let left = random.below(totalWeight);
  return members.findIndex(({ weight }) => {
    left -= weight;
    return left < 0;
  });
}

function ranksOf(members: readonly Subscription[]): Ranks {
  const isEqual = ({ weight, rank, target }: Subscription): boolean =>
    weight === 1 && rank === members[0].rank && target.distanceMs === undefined;
  if (members.every(isEqual)) return undefined;
  const byRank = new Map<number, Subscription[]>();
  for (const member of members) {
    const same = byRank.get(member.rank);
    if (same === undefined) byRank.set(member.rank, [member]);
    else same.push(member);
  }
  return [...byRank]
    .sort(([a], [b]) => a - b)
    .map(([, same]) => ({
      members: same,
      totalWeight: same.reduce((sum, { weight }) => sum + weight, 0),
      nearestFirst: same.some(({ target }) => target.distanceMs !== undefined),
    }));
}
