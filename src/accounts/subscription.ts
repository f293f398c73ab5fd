// Interest of somebody in a subject, and where the messages go. Clients, imports, system services, routes, gateways and
// leaf nodes each bring their own kind of target.
import type { Interest } from "../subjects/sublist.js";
import type { Account } from "./account.js";
import type { AckPlace } from "./ack-place.js";
import type { Message } from "./message.js";

/** Where matched messages are delivered. What differs from one kind of connection to the next lives in its target. */
export interface DeliveryTarget {
  /**
   * Takes a message for one of its subscriptions; copies what it keeps. Returns false when it was not delivered (denied,
   * target closed, own message without echo), so that a queue group can choose another member.
   * `source` is the target (connection) that the message came from, undefined for the server itself.
   */
  deliver(subscription: Subscription, message: Message, source: DeliveryTarget | undefined): boolean;
  /**
   * As `deliver`, for an acknowledgement of which somebody has read the subject: the message has none. Left out by all but
   * consumers.
   */
  acknowledge?(place: AckPlace, message: Message): boolean;
  /** Its delivery of a message has thrown, which is nobody else's concern: it ends. Left out by what cannot end. */
  failed?(error: unknown, subscription: Subscription): void;
  /** False for a connection that does not want its own messages; queue groups pass its own members over. */
  readonly echo: boolean;
  /** Another server at the other end: of the same cluster, or of another one. Undefined for everything else. */
  readonly peer?: "route" | "gateway";
  /** The id of that server, or the name of that cluster, while there is a connection to it. */
  readonly peerId?: string | undefined;
  /** The round trip to another cluster: of several that have members of a queue group, the nearest gets its messages. */
  readonly distanceMs?: number;
  /** At the other end of a leaf link: the name of the cluster (or server) there, latin1. */
  readonly leafCluster?: string;
  /** The account of that leaf link; a message that an import has taken into another one may go back. */
  readonly leafAccount?: Account | undefined;
  /** The hub that this server is a leaf node of: what comes from there stays with this server and its own leaf nodes. */
  readonly isHub?: boolean;
}

/** Who has an interest; decides which other servers are told of it. */
export const InterestSource = {
  /** Clients, services, streams of this server. */
  own: 0,
  /** A service import: only leaf nodes are told of it. */
  import: 1,
  /** A leaf node that is connected here. */
  leaf: 2,
  /** Another server of the cluster. */
  route: 3,
  /** Another cluster. */
  gateway: 4,
  /** The hub that this server is a leaf node of: only leaf nodes of this server are told. */
  hub: 5,
} as const;
export type InterestSource = (typeof InterestSource)[keyof typeof InterestSource];

/** Is told of every interest that comes or goes in any account, after the change. */
export interface InterestWatcher {
  added(account: Account, subscription: Subscription): void;
  removed(account: Account, subscription: Subscription): void;
  /** An account is there that was not before; its interest is empty. */
  accountAdded?(account: Account): void;
}

/** Whether a message of a source has come from a leaf cluster (or single leaf) in an account, and need not go back. */
export function cameFromLeaf(
  source: DeliveryTarget | undefined,
  leafCluster: string | undefined,
  account: Account | undefined,
): boolean {
  return leafCluster !== undefined && source?.leafCluster === leafCluster && source.leafAccount === account;
}

const NO_SID = new Uint8Array(0);

/** Whose interest it is and what it counts for; shared by all that have the same. */
export interface Standing {
  readonly source: InterestSource;
  /** How many members of its queue group it stands for. */
  readonly weight: number;
  /** Of a queue group's members, those with a lower rank come first: 0 in this cluster, 1 over a leaf link, 2 over a gateway. */
  readonly rank: number;
}

const OWN: Standing = Object.freeze({ source: InterestSource.own, weight: 1, rank: 0 });

export class Subscription implements Interest, Standing {
  readonly subject: string;
  /** Name of the queue group, latin1; undefined for a plain subscription. */
  readonly queue: string | undefined;
  readonly target: DeliveryTarget;
  readonly standing: Standing;
  /** The subscriber's id for it, as it stands in MSG; unique per connection. "" when nobody needs one. */
  declare readonly sid: string;
  declare readonly sidBytes: Uint8Array;
  /** Messages delivered so far. */
  declare delivered: number;
  /** Ends after this many deliveries; 0 for no end. */
  declare max: number;
  /** Its shadows in accounts that streams are imported from; undefined while it is not subscribed through an account. */
  declare shadows: readonly Subscription[] | undefined;

  /** @param standing what it leaves out is that of a plain interest of this server's own */
  constructor(
    subject: string,
    queue: string | undefined,
    sid: string,
    target: DeliveryTarget,
    standing: Partial<Standing> = OWN,
  ) {
    this.subject = subject;
    this.queue = queue;
    this.target = target;
    this.standing = isWhole(standing) ? standing : { ...OWN, ...standing };
    if (sid === "") return;
    this.sid = sid;
    this.sidBytes = Buffer.from(sid, "latin1");
    this.delivered = 0;
    this.max = 0;
    this.shadows = undefined;
  }

  get source(): InterestSource {
    return this.standing.source;
  }

  get weight(): number {
    return this.standing.weight;
  }

  get rank(): number {
    return this.standing.rank;
  }

  /** The cluster (or server) at the other end of the leaf link that the interest is behind, latin1. */
  get leafCluster(): string | undefined {
    return this.target.leafCluster;
  }
}

// Other servers' interest, of which there may be millions, has none of these: it is half as large for that.
Object.assign(Subscription.prototype, { sid: "", sidBytes: NO_SID, delivered: 0, max: 0, shadows: undefined });

function isWhole(standing: Partial<Standing>): standing is Standing {
  const { source, weight, rank } = standing;
  return source !== undefined && weight !== undefined && rank !== undefined;
}
