// The source of a message that came from a leaf node of another server of the cluster.
import type { Account } from "../accounts/account.js";
import type { DeliveryTarget } from "../accounts/subscription.js";

/** No leaf of the same cluster gets the message. */
export class LeafBehindRoute implements DeliveryTarget {
  readonly echo = true;
  readonly peer = "route";
  readonly leafCluster: string;
  readonly leafAccount: Account | undefined;

  constructor(leafCluster: string, leafAccount: Account | undefined) {
    this.leafCluster = leafCluster;
    this.leafAccount = leafAccount;
  }

  deliver(): boolean {
    return false;
  }
}
