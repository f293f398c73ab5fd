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
  const target = into as unknown as Record<string, unknown>;
  for (const [key, value] of Object.entries(parsed)) {
    const field = FIELDS.get(key.toLowerCase());
    if (field === undefined || value === null) continue;
    if (typeof value !== typeof target[field]) return false;
    if (typeof value === "number" && !Number.isInteger(value)) return false;
    target[field] = value;
  }
  return true;
}
