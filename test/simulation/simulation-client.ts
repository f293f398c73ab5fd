// A client in a simulation: plain protocol over a simulated transport, each message told at once.
import type { Transport, TransportHandler } from "../../src/runtime/network.js";

export interface Delivery {
  readonly client: SimulationClient;
  readonly sid: number;
  readonly subject: string;
  readonly reply: string | undefined;
  readonly headers: string;
  readonly payload: string;
}

export class SimulationClient implements TransportHandler {
  readonly server: string;
  readonly account: string;
  /** Answers to its PINGs so far, and the PINGs. */
  pongs = 0;
  pings = 0;
  closed = false;
  /** Lines that a client of a healthy server never sees. */
  readonly errors: string[] = [];
  onMessage: (delivery: Delivery) => void = () => {};
  onPong: (count: number) => void = () => {};
  readonly #transport: Transport;
  #buffer = "";

  constructor(transport: Transport, server: string, account: string) {
    this.#transport = transport;
    this.server = server;
    this.account = account;
    transport.start(this);
  }

  login(): void {
    const settings = { verbose: false, pedantic: false, headers: true, no_responders: true, protocol: 1 };
    this.send(`CONNECT ${JSON.stringify({ ...settings, user: this.account, pass: "secret" })}\r\n`);
    this.ping();
  }

  send(text: string): void {
    this.#transport.write([Buffer.from(text, "latin1")]);
  }

  /** The number that `pongs` has when everything sent so far was handled. */
  ping(): number {
    this.send("PING\r\n");
    return ++this.pings;
  }

  /** Goes, with or without letting the server know by a close. */
  leave(): void {
    this.closed = true;
    this.#transport.destroy();
  }

  onData(chunk: Buffer, start: number, end: number): void {
    this.#buffer += chunk.toString("latin1", start, end);
    for (;;) {
      const lineEnd = this.#buffer.indexOf("\r\n");
      if (lineEnd < 0) return;
      const line = this.#buffer.slice(0, lineEnd);
      let used = lineEnd + 2;
      const words = line.split(" ");
      if (words[0] === "MSG" || words[0] === "HMSG") {
        const total = Number(words.at(-1));
        if (this.#buffer.length < used + total + 2) return;
        const withHeaders = words[0] === "HMSG";
        const headerBytes = withHeaders ? Number(words.at(-2)) : 0;
        const [, subject, sid] = words;
        const reply = words.length > (withHeaders ? 5 : 4) ? words[3] : undefined;
        const headers = this.#buffer.slice(used, used + headerBytes);
        const payload = this.#buffer.slice(used + headerBytes, used + total);
        used += total + 2;
        this.#buffer = this.#buffer.slice(used);
        this.onMessage({ client: this, sid: Number(sid), subject, reply, headers, payload });
        continue;
      }
      this.#buffer = this.#buffer.slice(used);
      if (line === "PING") this.send("PONG\r\n");
      else if (line === "PONG") this.onPong(++this.pongs);
      else if (!line.startsWith("INFO ")) this.errors.push(line);
    }
  }

  onDrain(): void {}
  onEnd(): void {
    this.closed = true;
  }
  onClose(): void {
    this.closed = true;
  }
}
