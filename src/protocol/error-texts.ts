// The texts of -ERR lines, exactly as clients know them (conformance/wire, FACTS: error lines).

export const ErrorText = {
  unknownOperation: "Unknown Protocol Operation",
  maximumPayload: "Maximum Payload Violation",
  maximumControlLine: "maximum control line exceeded",
  authorization: "Authorization Violation",
  authenticationTimeout: "Authentication Timeout",
  userAuthenticationExpired: "User Authentication Expired",
  accountAuthenticationExpired: "Account Authentication Expired",
  userAuthenticationRevoked: "User Authentication Revoked",
  stale: "Stale Connection",
  maximumConnections: "maximum connections exceeded",
  maximumAccountConnections: "maximum account active connections exceeded",
  invalidClientProtocol: "invalid client protocol",
  noRespondersRequiresHeaders: "no responders requires headers support",
  maximumSubscriptions: "maximum subscriptions exceeded",
  invalidSubject: "Invalid Subject",
  invalidPublishSubject: "Invalid Publish Subject",
} as const;

/** A subject or queue name as error texts show it: quoted, with escapes for what cannot be printed. Takes latin1. */
export function quoted(name: string): string {
  const bytes = Buffer.from(name, "latin1");
  const text = bytes.toString("utf8");
  // A replacement character stands for bytes that are no UTF-8, unless the name really holds one.
  let out = '"';
  let at = 0;
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    const encoded = Buffer.byteLength(char);
    if (code === 0xfffd && !(bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd)) {
      out += `\\x${bytes[at].toString(16).padStart(2, "0")}`;
      at += 1;
      continue;
    }
    at += encoded;
    out += escaped(char, code);
  }
  return `${out}"`;
}

/** How Go writes them within quotes of any kind. */
export const GO_ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};
const SHORT_ESCAPES: Readonly<Record<string, string>> = { ...GO_ESCAPES, '"': '\\"' };

function escaped(char: string, code: number): string {
  const short = SHORT_ESCAPES[char];
  if (short !== undefined) return short;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char)) return char;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}

export const publishViolation = (subject: string): string => `Permissions Violation for Publish to ${quoted(subject)}`;

export const replyViolation = (reply: string): string =>
  `Permissions Violation for Publish with Reply of ${quoted(reply)}`;

/** `sid` is named only for a subscription that lost its permission later. */
export function subscribeViolation(subject: string, queue: string | undefined, sid?: string): string {
  const group = queue === undefined ? "" : ` using queue ${quoted(queue)}`;
  const which = sid === undefined ? "" : ` (sid ${quoted(sid)})`;
  return `Permissions Violation for Subscription to ${quoted(subject)}${group}${which}`;
}

export const tooManyTokens = (subject: string): string =>
  `Permissions Violation for Subscription to ${quoted(subject)}, too many tokens`;
