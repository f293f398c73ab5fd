// The head of an HTTP/1.1 request that asks for a WebSocket (RFC 9112): request line and header lines, nothing else.

export interface RequestHead {
  readonly method: string;
  /** As it was received: path and query, or a whole URL. */
  readonly target: string;
  /** Names are lower case; lines of the same name are joined by a comma, those of Cookie by a semicolon. */
  readonly headers: ReadonlyMap<string, string>;
}

/** What is wrong with a request: the answer's status. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  /** 0: there is no answer, the connection ends. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) (\S+) HTTP\/(\d)\.(\d)$/;
const LF = 10;
const CR = 13;

/**
 * Where the body of a request would begin; 0 while the head has not arrived whole.
 * @param from no line ends before it
 */
export function headEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(LF, from); at !== -1; at = bytes.indexOf(LF, at + 1)) {
    const next = bytes[at + 1] === CR ? at + 2 : at + 1;
    if (bytes[next] === LF) return next + 1;
  }
  return 0;
}

/**
 * Reads a whole head.
 * @throws {RequestError} it is not one of HTTP/1.0 or 1.1
 */
export function readRequestHead(bytes: Buffer): RequestHead {
  const [requestLine, ...lines] = unfolded(bytes.toString("latin1")).split(/\r?\n/);
  const match = REQUEST_LINE.exec(requestLine);
  if (match === null) throw new RequestError(400, "malformed request line");
  const [, method, target, major, minor] = match;
  if (major !== "1") throw new RequestError(505, "unsupported protocol version");
  const headers = new Map<string, string>();
  for (const line of lines) {
    if (line === "") break;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (!NAME.test(name)) throw new RequestError(400, "invalid header name");
    const value = line.slice(colon + 1).trim();
    if (hasControls(value)) throw new RequestError(400, "invalid header value");
    const before = headers.get(name);
    if (before !== undefined && name === "host") throw new RequestError(400, "too many Host headers");
    headers.set(name, before === undefined ? value : `${before}${name === "cookie" ? "; " : ", "}${value}`);
  }
  if (minor !== "0" && !headers.has("host")) throw new RequestError(400, "missing required Host header");
  return { method, target, headers };
}

// A line that begins with a blank continues the one before.
function unfolded(text: string): string {
  return text.replace(/\r?\n[ \t]+/g, " ");
}

function hasControls(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 32 && code !== 9) || code === 127) return true;
  }
  return false;
}
