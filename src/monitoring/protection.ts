// Who may read the pages over HTTP: Basic (RFC 7617) and Bearer (RFC 6750) credentials, for the option
// monitoring_authorization.
import { LoginsBusyError } from "../auth/fair-queue.js";
import { type SecretCheck, sameText } from "../auth/secret.js";
import type { ResolvedOptions } from "../options/options.js";
import type { HttpRequest, HttpResponse } from "../runtime/network.js";
import type { FailedLogins } from "../server/clients/failed-logins.js";

/** Among the logins of clients that wait at one address. */
const PLACE = "monitoring";
const REALM = 'realm="NATS monitoring"';
const TEXT_HEADERS = { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" };

type Asking = Pick<HttpRequest, "headers" | "remoteAddress">;
type Settings = ResolvedOptions["monitoringAuthorization"];

export class Protection {
  readonly #settings: () => Settings;
  readonly #secrets: SecretCheck;
  readonly #failed: FailedLogins;

  /** `settings` gives those in effect; undefined lets everybody in. */
  constructor(settings: () => Settings, secrets: SecretCheck, failed: FailedLogins) {
    this.#settings = settings;
    this.#secrets = secrets;
    this.#failed = failed;
  }

  /** The answer to a request that is not let in: 401, later and later for who guesses, or 503 while too many are being checked; undefined for others. */
  async refusal({ headers, remoteAddress }: Asking, isHealthz: boolean): Promise<HttpResponse | undefined> {
    const settings = this.#settings();
    if (settings === undefined || (isHealthz && settings.allowHealthz)) return undefined;
    const [, scheme, credentials] = /^(\S+) +(\S+) *$/.exec(headers["authorization"] ?? "") ?? ["", "", ""];
    const fits = await this.#fits(settings, scheme.toLowerCase(), credentials, remoteAddress);
    if (fits === undefined) {
      return { status: 503, headers: { ...TEXT_HEADERS, "Retry-After": "1" }, body: "503 too many attempts\n" };
    }
    if (fits) return undefined;
    // Browsers ask without credentials at first; that is no guess.
    if (credentials !== "") await new Promise<void>((resolve) => this.#failed.refuse(remoteAddress, resolve));
    const schemes = [
      ...(settings.user ? [`Basic ${REALM}, charset="UTF-8"`] : []),
      ...(settings.token ? [`Bearer ${REALM}`] : []),
    ];
    const challenge = { ...TEXT_HEADERS, "WWW-Authenticate": schemes.join(", ") };
    return { status: 401, headers: challenge, body: "401 unauthorized\n" };
  }

  async #fits(
    { user, password, token }: NonNullable<Settings>,
    scheme: string,
    credentials: string,
    address: string,
  ): Promise<boolean | undefined> {
    if (scheme === "bearer" && token) return this.#fitsSecret(token, credentials, address);
    if (scheme !== "basic" || !user || !password) return false;
    const said = Buffer.from(credentials, "base64").toString("utf8");
    const colon = said.indexOf(":");
    if (colon < 0) return false;
    // The password is looked at whoever it is, so that the time does not tell who exists.
    const fitsPassword = await this.#fitsSecret(password, said.slice(colon + 1), address);
    return fitsPassword && sameText(user, said.slice(0, colon));
  }

  /** Undefined when too many are waiting. */
  async #fitsSecret(secret: string, said: string, address: string): Promise<boolean | undefined> {
    try {
      return await this.#secrets.fits(secret, said, { source: address, name: PLACE });
    } catch (error) {
      if (error instanceof LoginsBusyError) return undefined;
      throw error;
    }
  }
}
