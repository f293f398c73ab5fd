// Who may read the pages over HTTP: Basic (RFC 7617) and Bearer (RFC 6750) credentials, for the option
// monitoring_authorization.
import { createHash } from "node:crypto";
import { SecretCheck, sameText } from "../auth/secret.js";
import type { ResolvedOptions } from "../options/options.js";
import type { HttpResponse } from "../runtime/network.js";

/** Credentials that wait for their comparison with a bcrypt hash; more are sent away. */
const MAX_WAITING = 16;
const REALM = 'realm="NATS monitoring"';
const TEXT_HEADERS = { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" };

type Settings = ResolvedOptions["monitoringAuthorization"];

export class Protection {
  readonly #settings: () => Settings;
  readonly #check = new SecretCheck();
  /** Digests of what has fitted a hash of the settings, by the hash: scrapers come often, and bcrypt takes long. */
  readonly #proven = new Map<string, string>();
  #provenOf: Settings;
  #waiting = 0;

  /** `settings` gives those in effect; undefined lets everybody in. */
  constructor(settings: () => Settings) {
    this.#settings = settings;
  }

  /** The answer to a request that is not let in: 401, or 503 while too many are being checked; undefined for others. */
  async refusal(authorization: string | undefined, isHealthz: boolean): Promise<HttpResponse | undefined> {
    const settings = this.#settings();
    if (settings !== this.#provenOf) this.#proven.clear();
    this.#provenOf = settings;
    if (settings === undefined || (isHealthz && settings.allowHealthz)) return undefined;
    const [, scheme, credentials] = /^(\S+) +(\S+) *$/.exec(authorization ?? "") ?? ["", "", ""];
    const fits = await this.#fits(settings, scheme.toLowerCase(), credentials);
    if (fits === undefined) {
      return { status: 503, headers: { ...TEXT_HEADERS, "Retry-After": "1" }, body: "503 too many attempts\n" };
    }
    if (fits) return undefined;
    const schemes = [
      ...(settings.user ? [`Basic ${REALM}, charset="UTF-8"`] : []),
      ...(settings.token ? [`Bearer ${REALM}`] : []),
    ];
    const headers = { ...TEXT_HEADERS, "WWW-Authenticate": schemes.join(", ") };
    return { status: 401, headers, body: "401 unauthorized\n" };
  }

  async #fits(
    { user, password, token }: NonNullable<Settings>,
    scheme: string,
    credentials: string,
  ): Promise<boolean | undefined> {
    if (scheme === "bearer" && token) return this.#fitsSecret(token, credentials);
    if (scheme !== "basic" || !user || !password) return false;
    const said = Buffer.from(credentials, "base64").toString("utf8");
    const colon = said.indexOf(":");
    if (colon < 0) return false;
    // The password is looked at whoever it is, so that the time does not tell who exists.
    const fitsPassword = await this.#fitsSecret(password, said.slice(colon + 1));
    return fitsPassword && sameText(user, said.slice(0, colon));
  }

  /** Undefined when too many are waiting. */
  async #fitsSecret(secret: string, said: string): Promise<boolean | undefined> {
    const proven = this.#proven.get(secret);
    const digest = createHash("sha256").update(said, "utf8").digest("hex");
    if (proven !== undefined && sameText(proven, digest)) return true;
    if (this.#waiting >= MAX_WAITING) return undefined;
    const result = this.#check.fits(secret, said);
    if (!(result instanceof Promise)) return result;
    this.#waiting++;
    const fits = await result;
    this.#waiting--;
    if (fits) this.#proven.set(secret, digest);
    return fits;
  }
}
