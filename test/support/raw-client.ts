// A client that speaks bytes: sends text as it stands and expects lines, each wait with a limit that fails loudly and
// shows what came instead.
import { connect, type Socket } from "node:net";
import type { Scope } from "./temporary-folder.js";

/** One thing the server sent: a control line and, for MSG, HMSG and LMSG, what follows it. Bytes are latin1 characters. */
export interface Item {
  line: string;
  headers: string;
  payload: string;
}

const DEFAULT_TIMEOUT_MS = 5000;

/** Connects to 127.0.0.1:`port`; the connection is destroyed when `scope` ends. Takes nothing: the first item is INFO. */
export async function connectRaw(scope: Scope, port: number): Promise<RawClient> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  scope.after(() => {
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve();
    });
  });
  return new RawClient(socket);
}

/**
 * Connects, takes INFO, sends CONNECT (verbose and pedantic off, headers and no_responders on, `options` on top) and PING,
 * and resolves at PONG; rejects with what came instead. Without `protocol: 1` the server sends no further INFO.
 */
export async function connectClient(scope: Scope, port: number, options: object = {}): Promise<RawClient> {
  const client = await connectRaw(scope, port);
  client.answersPings = true;
  await client.info();
  const settings = { verbose: false, pedantic: false, headers: true, no_responders: true, ...options };
  client.send(`CONNECT ${JSON.stringify(settings)}\r\nPING\r\n`);
  await client.pong();
  return client;
}

export class RawClient {
  readonly socket: Socket;
  /** Gets each item as it arrives and returns true for those it keeps from the queue; for loads too fast to await each message. */
  handle: ((item: Item) => boolean) | undefined;
  /** Whether the server's PINGs are answered instead of queued. On after connectClient, off after connectRaw. */
  answersPings = false;
  readonly #items: Item[] = [];
  #buffer = "";
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.#buffer += chunk.toString("latin1");
      this.#split();
      this.#wake?.();
    });
    // A reset by the server ends the connection like a close.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#closed = true;
      this.#wake?.();
    });
  }

  /** Sends text (latin1: one byte per character) or bytes, exactly as given. */
  send(data: string | Uint8Array): void {
    this.socket.write(typeof data === "string" ? Buffer.from(data, "latin1") : data);
  }

  /** The next thing the server sends; rejects when nothing comes in time or the connection is closed. */
  async next(timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<Item> {
    await this.#until(() => this.#items.length > 0, timeoutMs, "an item");
    return this.#items.shift() as Item;
  }

  /** Takes the next item and fails unless its control line is `expected` (or matches it); returns it. */
  async expect(expected: string | RegExp, timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<Item> {
    const item = await this.next(timeoutMs).catch((error: Error) => {
      throw new Error(`waiting for ${expected}: ${error.message}`);
    });
    const fits = typeof expected === "string" ? item.line === expected : expected.test(item.line);
    if (!fits) throw new Error(`expected ${expected}, the server sent ${JSON.stringify(item)}`);
    return item;
  }

  /** Takes INFO and returns its JSON. */
  async info(): Promise<Record<string, unknown>> {
    const { line } = await this.expect(/^INFO \{/);
    return JSON.parse(Buffer.from(line.slice(5), "latin1").toString("utf8")) as Record<string, unknown>;
  }

  /** Takes items up to PONG, passing over INFO; fails on anything else. */
  async pong(timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<void> {
    for (;;) {
      const item = await this.expect(/^(PONG$|INFO )/, timeoutMs);
      if (item.line === "PONG") return;
    }
  }

  /** Sends PING and waits for PONG: everything sent before has been handled. Returns what came before PONG. */
  async sync(timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<Item[]> {
    this.send("PING\r\n");
    const before: Item[] = [];
    for (;;) {
      const item = await this.next(timeoutMs);
      if (item.line === "PONG") return before;
      before.push(item);
    }
  }

  /** Resolves when the server has closed the connection, with what it sent before; rejects when it does not in time. */
  async closed(timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<Item[]> {
    await this.#until(() => this.#closed, timeoutMs, "the close");
    return this.#items.splice(0);
  }

  /** Closes at once. */
  close(): void {
    this.socket.destroy();
  }

  #split(): void {
    for (;;) {
      const lineEnd = this.#buffer.indexOf("\r\n");
      if (lineEnd < 0) return;
      const line = this.#buffer.slice(0, lineEnd);
      let used = lineEnd + 2;
      let headers = "";
      let payload = "";
      const args = line.split(" ");
      if (/^(MSG|HMSG|LMSG)$/.test(args[0])) {
        const totalBytes = Number(args.at(-1));
        const headerBytes = args[0] === "HMSG" ? Number(args.at(-2)) : 0;
        if (this.#buffer.length < used + totalBytes + 2) return;
        headers = this.#buffer.slice(used, used + headerBytes);
        payload = this.#buffer.slice(used + headerBytes, used + totalBytes);
        used += totalBytes + 2;
      }
      this.#buffer = this.#buffer.slice(used);
      if (line === "PING" && this.answersPings) {
        this.send("PONG\r\n");
        continue;
      }
      const item = { line, headers, payload };
      if (!this.handle?.(item)) this.#items.push(item);
    }
  }

  async #until(ready: () => boolean, timeoutMs: number, what: string): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake?.();
    }, timeoutMs);
    try {
      while (!ready()) {
        if (late) throw new Error(`${what} did not come within ${timeoutMs} ms${this.#leftOver()}`);
        if (this.#closed) throw new Error(`the server closed the connection before ${what}${this.#leftOver()}`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
      this.#wake = undefined;
    }
  }

  #leftOver(): string {
    return `; unread: ${JSON.stringify([...this.#items.map((item) => item.line), this.#buffer.slice(0, 200)])}`;
  }
}
