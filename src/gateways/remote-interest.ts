// What another cluster has told of its interest on the connection that this server has dialled; it ends with the connection.
import type { Account } from "../accounts/account.js";
import type { Subscription } from "../accounts/subscription.js";
import { encodeSubject } from "../options/subject-bytes.js";
import type { Router } from "../server/router.js";
import type { GatewayConnection } from "./gateway.js";
import { MAX_GATEWAY_INTEREST } from "./limits.js";
import { RemoteAccount, type RemoteWorld } from "./remote-account.js";
import type { ReplyPaths } from "./reply-paths.js";

export class RemoteInterest {
  readonly #accounts = new Map<string, RemoteAccount>();
  readonly #world: RemoteWorld;
  readonly #find: (name: string) => Account | undefined;
  /** Whether the server at the other end is sent everything until it has told all its interest. */
  readonly optimistic: boolean;

  /** @param find looks up an account by its name (latin1) */
  constructor(
    link: GatewayConnection,
    router: Router,
    replies: ReplyPaths,
    { optimistic, find }: { optimistic: boolean; find: (name: string) => Account | undefined },
  ) {
    this.#world = { link, router, replies, announced: { count: 0 } };
    this.optimistic = optimistic;
    this.#find = find;
  }

  /** How many interests there are. */
  get count(): number {
    return this.#world.announced.count;
  }

  /** Whether one more is believed. */
  get hasRoom(): boolean {
    return this.count < MAX_GATEWAY_INTEREST;
  }

  accounts(): Iterable<RemoteAccount> {
    return this.#accounts.values();
  }

  /** What it wants of an account (latin1), made when it is first asked for. */
  account(name: string): RemoteAccount {
    let account = this.#accounts.get(name);
    if (account === undefined) {
      account = new RemoteAccount(name, this.#world, this.optimistic);
      this.#accounts.set(name, account);
      const known = this.#find(name);
      if (known !== undefined) account.attach(known);
    }
    return account;
  }

  /** Interest that was announced before the account was there counts from now on. */
  accountAdded(account: Account): void {
    const name = encodeSubject(account.name);
    if (this.optimistic) this.account(name).attach(account);
    else this.#accounts.get(name)?.attach(account);
  }

  /** Everything that has to leave the accounts when the connection has ended. */
  *all(): IterableIterator<[RemoteAccount, Subscription]> {
    for (const account of this.#accounts.values()) for (const one of account.all()) yield [account, one];
  }
}
