// A WebSocket client that speaks bytes, on the ws package: messages as text, and how the connection ends.
import { type ClientOptions, WebSocket } from "ws";
import type { Scope } from "./temporary-folder.js";

const LIMIT_MS = 5_000;

export class WebSocketClient {
  readonly socket: WebSocket;
  /** All that has arrived, latin1. */
  received = "";
  /** Sizes of the messages that have arrived. */
  readonly sizes: number[] = [];
  /** Code and reason, once it has ended. */
  end: string | undefined;
  private wake: () => void = () => {};

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer, isBinary) => {
      this.received += isBinary ? data.toString("latin1") : "(text)";
      this.sizes.push(data.length);
      this.wake();
    });
    socket.on("close", (code, reason) => {
      this.end = `${code} ${reason.toString()}`.trim();
      this.wake();
    });
    socket.on("error", () => {});
  }

  send(text: string): void {
    this.socket.send(Buffer.from(text, "latin1"));
  }

  /** Waits until the text that has arrived matches; returns it and begins anew. */
  async until(pattern: RegExp): Promise<string> {
    await this.wait(() => pattern.test(this.received), String(pattern));
    const text = this.received;
    this.received = "";
    return text;
  }

  /** Waits for the end; returns code and reason. */
  async ended(): Promise<string> {
    await this.wait(() => this.end !== undefined, "the end");
    return this.end as string;
  }

  private async wait(there: () => boolean, what: string): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.wake();
    }, LIMIT_MS);
    while (!there()) {
      if (late || (this.end !== undefined && what !== "the end")) break;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    clearTimeout(timer);
    if (there()) return;
    throw new Error(`no ${what}; came ${JSON.stringify(this.received.slice(0, 500))}, end ${this.end}`);
  }
}

/** Opens a WebSocket; it is ended with `scope`. Rejects with the answer's status when it is refused. */
export async function openWebSocket(scope: Scope, url: string, options: ClientOptions = {}): Promise<WebSocketClient> {
  const socket = new WebSocket(url, { perMessageDeflate: false, ...options });
  const client = new WebSocketClient(socket);
  scope.after(() => socket.terminate());
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("unexpected-response", (_, response) => reject(new Error(`status ${response.statusCode}`)));
    socket.once("error", reject);
  });
  return client;
}

/** The same; takes INFO, sends CONNECT with `connect` on top, and waits for the first PONG. */
export async function loginWebSocket(
  scope: Scope,
  url: string,
  connect: object = {},
  options: ClientOptions = {},
): Promise<WebSocketClient> {
  const client = await openWebSocket(scope, url, options);
  await client.until(/^INFO .*\r\n$/);
  client.send(`CONNECT ${JSON.stringify({ verbose: false, headers: true, ...connect })}\r\nPING\r\n`);
  await client.until(/PONG\r\n/);
  return client;
}
