// The JSON of a client's CONNECT (https://docs.nats.io/reference/reference-protocols/nats-protocol#connect).

/** What a client says of itself. Fields that it leaves out keep the value they had. */
export interface ConnectOptions {
  verbose: boolean;
  pedantic: boolean;
  echo: boolean;
  tlsRequired: boolean;
  headers: boolean;
  noResponders: boolean;
  protocol: number;
  name: string;
  lang: string;
  version: string;
  user: string;
  pass: string;
  authToken: string;
  nkey: string;
  sig: string;
  /** The signature of the nonce by a proxy that the client comes through. */
  proxySig: string;
  jwt: string;
  account: string;
  newAccount: boolean;
}

/** What holds before a client has sent its first CONNECT. */
export function defaultConnectOptions(): ConnectOptions {
  return {
    verbose: true,
    pedantic: true,
    echo: true,
    tlsRequired: false,
    headers: false,
    noResponders: false,
    protocol: 0,
    name: "",
    lang: "",
    version: "",
    user: "",
    pass: "",
    authToken: "",
    nkey: "",
    sig: "",
    proxySig: "",
    jwt: "",
    account: "",
    newAccount: false,
  };
}

const FIELDS: ReadonlyMap<string, keyof ConnectOptions> = new Map([
  ["verbose", "verbose"],
  ["pedantic", "pedantic"],
  ["echo", "echo"],
  ["tls_required", "tlsRequired"],
  ["headers", "headers"],
  ["no_responders", "noResponders"],
  ["protocol", "protocol"],
  ["name", "name"],
  ["lang", "lang"],
  ["version", "version"],
  ["user", "user"],
  ["pass", "pass"],
  ["auth_token", "authToken"],
  ["nkey", "nkey"],
  ["sig", "sig"],
  ["proxy_sig", "proxySig"],
  ["jwt", "jwt"],
  ["account", "account"],
  ["new_account", "newAccount"],
]);

/** A string (with the colon after it, if it is a key), a bracket, or a number. */
const TOKEN = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]|-?\d[\d.eE+-]*/g;
const INTEGER = /^-?\d+$/;
/** What an integer of the reference holds. */
const LARGEST = 2n ** 63n - 1n;

/** Whether numbers of known fields are written as integers: `1.0` is none. */
function hasIntegers(json: string): boolean {
  let depth = 0;
  let key = "";
  for (const [token, colon] of json.matchAll(TOKEN)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth > 1) continue;
    else if (colon !== undefined) key = String(JSON.parse(token.slice(0, -colon.length))).toLowerCase();
    else if (token.startsWith('"') || !FIELDS.has(key)) continue;
    else if (!INTEGER.test(token) || BigInt(token) > LARGEST || BigInt(token) < -LARGEST - 1n) return false;
  }
  return true;
}

/**
 * Merges the JSON into `into`: keys in any case, unknown ones ignored, null without effect, the last of several wins.
 * Returns false, and may have changed part of `into`, when the text is no JSON object or a value has the wrong type.
 */
export function mergeConnect(json: string, into: ConnectOptions): boolean {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    return false;
  }
  if (parsed === null) return true;
  if (typeof parsed !== "object" || Array.isArray(parsed)) return false;
  if (!hasIntegers(json)) return false;
  const target = into as unknown as Record<string, unknown>;
  for (const [key, value] of Object.entries(parsed)) {
    const field = FIELDS.get(key.toLowerCase());
    if (field === undefined || value === null) continue;
    if (typeof value !== typeof target[field]) return false;
    target[field] = value;
  }
  return true;
}
