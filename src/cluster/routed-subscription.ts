// An interest of another server of the cluster, which stands in the account's own interest here.
import { InterestSource, type Standing, Subscription } from "../accounts/subscription.js";
import type { PeerAccount } from "./peer-account.js";
import type { RouteConnection } from "./route.js";

/** Members at the other end of a leaf link get a message of their group only if no others are there. */
const LEAF_RANK = 1;

interface RoutedStanding extends Standing {
  /** The cluster of the leaf node that has it; undefined for the server's own. */
  readonly origin: string | undefined;
}

/** Of plain interest and single members of this cluster, which nearly all is. */
const USUAL: RoutedStanding = Object.freeze({ source: InterestSource.route, weight: 1, rank: 0, origin: undefined });

/** An interest that came over a route. */
export class RoutedSubscription extends Subscription {
  declare readonly standing: RoutedStanding;
  /** The connection that it was announced on; it ends with that. */
  readonly via: RouteConnection;
  /** Its neighbours in the list of all interest of the server in the account. */
  previous: RoutedSubscription | undefined = undefined;
  next: RoutedSubscription | undefined = undefined;

  constructor(
    subject: string,
    queue: string | undefined,
    target: PeerAccount,
    via: RouteConnection,
    origin: string | undefined,
    weight: number,
  ) {
    const isUsual = origin === undefined && weight === 1;
    const rank = origin === undefined ? 0 : LEAF_RANK;
    super(subject, queue, "", target, isUsual ? USUAL : standingOf(origin, weight, rank));
    this.via = via;
  }

  /** The cluster of the leaf node that has it; undefined for the server's own. */
  get origin(): string | undefined {
    return this.standing.origin;
  }

  override get leafCluster(): string | undefined {
    return this.origin;
  }
}

function standingOf(origin: string | undefined, weight: number, rank: number): RoutedStanding {
  return { source: InterestSource.route, weight, rank, origin };
}
