// Which pages may connect: `same_origin` and `allowed_origins` (RFC 6454; RFC 6455, section 10.2).

interface Place {
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

export class OriginCheck {
  readonly #sameOrigin: boolean;
  readonly #allowed: readonly Place[] | undefined;

  /** @param allowed URLs; undefined or empty: all */
  constructor(sameOrigin: boolean, allowed: readonly string[] | undefined) {
    this.#sameOrigin = sameOrigin;
    this.#allowed = allowed?.length ? allowed.flatMap((url) => placeOf(url) ?? []) : undefined;
  }

  /**
   * Why an origin is refused; undefined: it is not. A request without one does not come from a page.
   * @param host the request's Host
   * @param isSecure whether the request came over TLS
   */
  fault(origin: string | undefined, host: string, isSecure: boolean): string | undefined {
    if (!origin || (!this.#sameOrigin && this.#allowed === undefined)) return undefined;
    const place = placeOf(origin);
    if (place === undefined) return `parse ${JSON.stringify(origin)}: invalid URI for request`;
    if (this.#sameOrigin) {
      const own = placeOf(`${isSecure ? "https" : "http"}://${host}`);
      if (own === undefined || !isSame(own, place)) return "not same origin";
    }
    if (this.#allowed?.some((one) => isSame(one, place)) === false) return "not in the allowed list";
    return undefined;
  }
}

function placeOf(url: string): Place | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port } = new URL(url);
  const usual = DEFAULT_PORTS[protocol];
  return usual === undefined ? undefined : { scheme: protocol, host: hostname, port: port || usual };
}

function isSame(a: Place, b: Place): boolean {
  return a.scheme === b.scheme && a.host === b.host && a.port === b.port;
}
