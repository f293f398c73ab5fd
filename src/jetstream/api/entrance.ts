// Where requests come in: a delivery target for the subjects of the API in one account, under one prefix.
import type { Account } from "../../accounts/account.js";
import type { Message } from "../../accounts/message.js";
import type { DeliveryTarget, Subscription } from "../../accounts/subscription.js";
import type { Router } from "../../server/router.js";
import type { Api } from "./api.js";
import { KNOWN_SUBJECTS } from "./routes.js";

export class ApiEntrance implements DeliveryTarget {
  readonly echo = true;
  readonly #api: Api;
  readonly #router: Router;
  readonly #account: Account;
  readonly #prefixBytes: number;
  readonly #known: Map<string, string>;

  /**
   * @param prefixBytes of the subjects, including the dot before what the request is
   * @param known what follows the prefix in subjects that have come before, in any account, so that it need not be cut out again
   */
  constructor(api: Api, router: Router, account: Account, prefixBytes: number, known: Map<string, string>) {
    this.#api = api;
    this.#router = router;
    this.#account = account;
    this.#prefixBytes = prefixBytes;
    this.#known = known;
  }

  deliver(_: Subscription, message: Message, source: DeliveryTarget | undefined): boolean {
    let rest = this.#known.get(message.subject);
    if (rest === undefined) {
      rest = message.subject.slice(this.#prefixBytes);
      // The domain's prefix leads to buckets as well.
      if (rest.startsWith("$KV.") || rest.startsWith("$O.")) {
        return this.#router.publish(this.#account, message.readdressed(rest), source) > 0;
      }
      if (rest.includes("..") || rest.endsWith(".")) return false;
      if (this.#known.size >= KNOWN_SUBJECTS) this.#known.clear();
      this.#known.set(message.subject, rest);
    }
    if (message.trace?.only) return false;
    return this.#api.handle(this.#account, rest, message, source);
  }
}
