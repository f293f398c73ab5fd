// A small client inside the process, over a pipe: what the lab asks and answers requests with
// (https://docs.nats.io/reference/reference-protocols/nats-protocol).
import { type FrameHandler, Framer, NO_PAYLOAD } from "../../protocol/framer.js";
import { parseSize } from "../../protocol/verbs.js";
import type { Transport, TransportHandler } from "../../runtime/network.js";
import { transportPair } from "../../runtime/pipe.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { Server } from "../../server/server.js";

type OnMessage = (text: string, reply: string) => void;

const NO_RESPONDERS = "NATS/1.0 503";

export class LabClient implements TransportHandler, FrameHandler {
  readonly #transport: Transport;
  readonly #runtime: Runtime;
  readonly #framer = new Framer(this);
  readonly #handlers = new Map<string, OnMessage>();
  #lastSid = 0;
  #current: { sid: string; reply: string; headerBytes: number } | undefined;

  constructor(server: Server, runtime: Runtime) {
    const [own, served] = transportPair(runtime.clock);
    this.#transport = own;
    this.#runtime = runtime;
    server.handle(served);
    own.start(this);
    this.#send('CONNECT {"verbose":false,"headers":true,"no_responders":true,"name":"lab"}\r\nPING\r\n');
  }

  /** Hears messages of a subject; with `queue`, one member of the group hears each. */
  subscribe(subject: string, queue: string, onMessage: OnMessage): () => void {
    const sid = String(++this.#lastSid);
    this.#handlers.set(sid, onMessage);
    this.#send(`SUB ${subject} ${queue === "" ? "" : `${queue} `}${sid}\r\n`);
    return () => {
      this.#handlers.delete(sid);
      this.#send(`UNSUB ${sid}\r\n`);
    };
  }

  publish(subject: string, text: string, reply = ""): void {
    this.#send(`PUB ${subject} ${reply === "" ? "" : `${reply} `}${Buffer.byteLength(text)}\r\n${text}\r\n`);
  }

  /** Resolves with the answer; undefined when none came in time, or nobody was there. */
  request(subject: string, text: string, timeoutMs: number): Promise<string | undefined> {
    const inbox = `_INBOX.${Buffer.from(this.#runtime.random.bytes(12)).toString("base64url")}`;
    return new Promise((resolve) => {
      const done = (answer: string | undefined): void => {
        timer.cancel();
        stop();
        resolve(answer);
      };
      const timer = this.#runtime.clock.after(timeoutMs, () => done(undefined));
      const stop = this.subscribe(inbox, "", (answer) => done(answer.startsWith(NO_RESPONDERS) ? undefined : answer));
      this.publish(subject, text, inbox);
    });
  }

  #send(text: string): void {
    this.#transport.write([Buffer.from(text, "utf8")]);
  }

  onData(chunk: Buffer, start: number, end: number): void {
    this.#framer.feed(chunk, start, end);
  }
  onDrain(): void {}
  onEnd(): void {}
  onClose(): void {
    this.#framer.stop();
  }

  line(buffer: Buffer, start: number, end: number): number {
    const words = buffer.toString("utf8", start, end).split(" ");
    if (words[0] === "PING") this.#send("PONG\r\n");
    if (words[0] !== "MSG" && words[0] !== "HMSG") return NO_PAYLOAD;
    const sizes = words[0] === "HMSG" ? 2 : 1;
    const size = Buffer.from(words[words.length - 1]);
    const headerBytes = sizes === 2 ? Number(words[words.length - 2]) : 0;
    this.#current = { sid: words[2], reply: words.length > 3 + sizes ? words[3] : "", headerBytes };
    return parseSize(size, 0, size.length);
  }
  repeatedLine(): number {
    return NO_PAYLOAD;
  }
  beginning(_buffer: Buffer, start: number, end: number): number {
    return end - start;
  }
  keepLine(): void {}
  payload(buffer: Buffer, start: number, end: number): void {
    const { sid, reply } = this.#current ?? { sid: "", reply: "" };
    this.#handlers.get(sid)?.(buffer.toString("utf8", start, end), reply);
  }
  unterminated(): void {}
}
