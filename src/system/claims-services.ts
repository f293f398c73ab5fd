// Account JWTs over the system account: tools push, list and delete them, servers look them up and compare their stores
// (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt/resolver).
import { type AccountClaims, contentFault, decodeAccountClaims } from "../auth/jwt/account-claims.js";
import { texts } from "../auth/jwt/claims-reader.js";
import { DirectoryResolver } from "../auth/jwt/directory-resolver.js";
import { type Claims, decodeJwt } from "../auth/jwt/jwt.js";
import type { JwtDirectory } from "../auth/jwt/jwt-directory.js";
import type { OperatorMode } from "../auth/jwt/operator-mode.js";
import { isPublicNkey } from "../auth/nkey.js";
import { stringifyExact } from "../protocol/json.js";
import type { Timer } from "../runtime/clock.js";
import type { Server } from "../server/server.js";
import type { SystemPublisher } from "./publisher.js";
import type { ServiceMessage, Services } from "./services.js";

const OK = 200;
const INTERNAL_ERROR = 500;
const NO_BYTES = Buffer.alloc(0);
/** Servers that compare their stores get the answer of one of the others. */
const PACK_QUEUE = "responder";
const UNKNOWN = "n/a";
const INBOX_BYTES = 12;

interface ClaimsParts {
  readonly server: Server;
  readonly operatorMode: OperatorMode;
  readonly publisher: SystemPublisher;
  readonly services: Services;
}

/** Starts the services that the server's resolver offers. The timer, if any, is to be cancelled at the end. */
export function serveClaims(parts: ClaimsParts): Timer | undefined {
  const { resolver } = parts.operatorMode;
  const updates = new ClaimUpdates(parts);
  for (const prefix of ["$SYS.ACCOUNT.*", "$SYS.REQ.ACCOUNT.*"]) {
    parts.services.serve(`${prefix}.CLAIMS.UPDATE`, (message) => updates.forAccount(message));
  }
  if (!(resolver instanceof DirectoryResolver)) return undefined;
  const { services } = parts;
  services.serve("$SYS.REQ.CLAIMS.UPDATE", (message) => updates.forAny(message));
  services.serve("$SYS.REQ.CLAIMS.LIST", (message) => list(parts, resolver.directory, message));
  services.serve("$SYS.REQ.CLAIMS.DELETE", (message) => updates.delete(message, resolver.directory));
  return resolver.kind === "FULL" ? serveStore(parts, resolver) : undefined;
}

async function list(
  { server, publisher }: ClaimsParts,
  directory: JwtDirectory,
  { reply }: ServiceMessage,
): Promise<void> {
  if (reply === "") return;
  const accounts = await directory.list();
  server.logger.debug(`list request responded with ${accounts.length} account ids`);
  publisher.send(reply, { data: accounts, server: publisher.serverInfo() });
}

// Other servers look up single JWTs, and from time to time whatever differs between the stores is exchanged.
function serveStore(
  { server, publisher, services }: ClaimsParts,
  { directory, exchangePeriodMs }: DirectoryResolver,
): Timer {
  services.serve("$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP", async ({ subject, reply }) => {
    if (reply !== "") publisher.send(reply, Buffer.from((await directory.load(accountIn(subject))) ?? ""));
  });
  services.serve(
    "$SYS.REQ.CLAIMS.PACK",
    async ({ reply, payload }) => {
      if (reply === "") return;
      if (!payload.equals(directory.hash)) {
        for (const [account, jwt] of await directory.pack()) publisher.send(reply, Buffer.from(`${account}|${jwt}`));
      }
      publisher.send(reply, NO_BYTES);
    },
    PACK_QUEUE,
  );
  const { clock, random } = server.runtime;
  const inbox = `$SYS._INBOX.${Buffer.from(random.bytes(INBOX_BYTES)).toString("hex")}`;
  services.serve(inbox, async ({ payload }) => {
    for (const line of payload.toString("utf8").split("\n")) {
      const [account, jwt] = line.split("|");
      if (jwt !== undefined && isPublicNkey(account, "account")) await directory.saveIfNewer(account, jwt);
    }
  });
  return clock.every(exchangePeriodMs, () => {
    server.publish(publisher.account, "$SYS.REQ.CLAIMS.PACK", inbox, NO_BYTES, directory.hash);
  });
}

/** `$SYS.ACCOUNT.<id>.CLAIMS.UPDATE`, or with `REQ.` before ACCOUNT. */
function accountIn(subject: string): string {
  const tokens = subject.split(".");
  return tokens[tokens.length - 3];
}

class ClaimUpdates {
  readonly #parts: ClaimsParts;

  constructor(parts: ClaimsParts) {
    this.#parts = parts;
  }

  /** A JWT for the account that the subject names. */
  async forAccount(message: ServiceMessage): Promise<void> {
    const account = accountIn(message.subject);
    const { resolver } = this.#parts.operatorMode;
    const isDirectory = resolver instanceof DirectoryResolver;
    if (!isDirectory && message.payload.length === 0) {
      this.#fail(message, account, "jwt update error", new Error("request body is empty"));
      return;
    }
    const unreadable = isDirectory && resolver.kind === "FULL" ? UNKNOWN : account;
    const claims = this.#decode(message, unreadable);
    if (claims === undefined) return;
    if (claims.subject === account) await this.#take(message, claims);
    else this.#fail(message, account, this.#failed, new Error("subject does not match jwt content"));
  }

  /** A JWT that says itself what account it is of. */
  async forAny(message: ServiceMessage): Promise<void> {
    const claims = this.#decode(message, UNKNOWN);
    if (claims !== undefined) await this.#take(message, claims);
  }

  /** Deletes the accounts that an operator names in a JWT of its own. */
  async delete(message: ServiceMessage, directory: JwtDirectory): Promise<void> {
    let claims: Claims | undefined;
    let accounts: readonly string[];
    try {
      claims = decodeJwt(message.payload.toString("utf8"), "generic");
      accounts = this.#deletable(claims, directory);
    } catch (error) {
      this.#fail(message, "", `delete accounts request by ${claims?.subject ?? ""} failed`, error as Error);
      return;
    }
    const failures: string[] = [];
    for (const account of accounts) {
      await directory.delete(account).catch((error: Error) => void failures.push(error.message));
    }
    const done = `deleted ${accounts.length - failures.length} accounts`;
    if (failures.length === 0) this.#answer(message, "", done);
    else this.#fail(message, "", `${done}, failed for ${failures.length}`, new Error(failures.join("\n")));
  }

  #deletable(claims: Claims, { options }: JwtDirectory): readonly string[] {
    const { operatorMode, server } = this.#parts;
    if (options.deletion === "refused") throw new Error("delete must be enabled in server config");
    if (claims.subject !== claims.issuer) throw new Error("not self signed");
    if (!operatorMode.operators.mayDelete(claims.issuer)) throw new Error("not trusted");
    if (!Array.isArray(claims.nats.accounts)) throw new Error("malformed request");
    const accounts = texts(claims.nats, "accounts");
    if (!accounts.every((account) => isPublicNkey(account, "account"))) throw new Error("malformed request");
    if (accounts.includes(server.accounts.system?.name ?? "")) throw new Error("not allowed to delete system account");
    return accounts;
  }

  async #take(message: ServiceMessage, claims: AccountClaims): Promise<void> {
    const { operatorMode } = this.#parts;
    const { resolver, accounts, operators } = operatorMode;
    const { subject: account, issuer } = claims;
    const jwt = message.payload.toString("utf8");
    try {
      const isDirectory = resolver instanceof DirectoryResolver;
      const { first } = operators;
      if (isDirectory && first?.strict && issuer === first.subject) {
        throw new Error("operator requires issuer to be a signing key");
      }
      const isUsed = accounts.get(account) !== undefined;
      const keepsAll = isDirectory && resolver.kind === "FULL";
      if (!keepsAll && !isUsed) {
        this.#answer(message, account, isDirectory ? "jwt update cache skipped" : "jwt update skipped");
        return;
      }
      if (!isDirectory) accounts.apply(account, jwt);
      else {
        const fault = contentFault(claims);
        if (fault !== undefined) {
          const what = keepsAll ? "jwt validation failed" : "jwt update cache validation failed";
          this.#fail(message, account, what, new Error(`validation errors: [${fault}]`));
          return;
        }
        await resolver.directory.save(account, jwt);
      }
      this.#answer(message, account, isDirectory && !keepsAll ? "jwt updated cache" : "jwt updated");
    } catch (error) {
      this.#fail(message, account, this.#failed, error as Error);
    }
  }

  get #failed(): string {
    const { resolver } = this.#parts.operatorMode;
    const isCache = resolver instanceof DirectoryResolver && resolver.kind === "CACHE";
    return isCache ? "jwt update cache resulted in error" : "jwt update resulted in error";
  }

  #decode(message: ServiceMessage, account: string): AccountClaims | undefined {
    try {
      return decodeAccountClaims(message.payload.toString("utf8"));
    } catch (error) {
      this.#fail(message, account, this.#failed, error as Error);
      return undefined;
    }
  }

  #answer({ reply }: ServiceMessage, account: string, message: string): void {
    const { server, publisher } = this.#parts;
    server.logger.debug(account === "" ? message : `${message} - ${account}`);
    if (reply === "") return;
    const data = { account: account || undefined, code: OK, message };
    publisher.send(reply, Buffer.from(stringifyExact({ server: publisher.serverInfo(), data })));
  }

  #fail({ reply }: ServiceMessage, account: string, what: string, { message }: Error): void {
    const { server, publisher } = this.#parts;
    server.logger.error([what, account, message].filter(Boolean).join(" - "));
    if (reply === "") return;
    const error = { account: account || undefined, code: INTERNAL_ERROR, description: `${what} - ${message}` };
    publisher.send(reply, Buffer.from(stringifyExact({ server: publisher.serverInfo(), error })));
  }
}
