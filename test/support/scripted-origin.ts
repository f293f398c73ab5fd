// A leaf node that is nothing but the API of a domain `there` and what a test makes of it: the origin of mirrors and sources.
import { connectRaw, type RawClient } from "./raw-client.js";
import type { Scope } from "./temporary-folder.js";

const API = "$JS.there.API";

/** What a mirror or source asks. */
export interface Asked {
  readonly kind: "info" | "consumer";
  readonly stream: string;
  /** Of a consumer: where its messages go to, and where it begins. */
  readonly deliver?: string;
  readonly startSequence?: number;
  readonly startTime?: string;
  readonly reply: string;
  /** Its header block. */
  readonly block: string;
}

export class ScriptedOrigin {
  readonly #client: RawClient;
  /** Told when the link is gone. */
  ended = (): void => {};

  private constructor(client: RawClient) {
    this.#client = client;
    client.socket.on("close", () => this.ended());
  }

  /** Connects to a port for leaf nodes. */
  static async connect(scope: Scope, port: number): Promise<ScriptedOrigin> {
    const client = await connectRaw(scope, port);
    client.answersPings = true;
    await client.info();
    client.send('CONNECT {"name":"there","server_id":"there","headers":true,"version":"2.15.1","proto":1}\r\nPING\r\n');
    return new ScriptedOrigin(client);
  }

  /** Has what is asked handled from now on. */
  async answer(handle: (asked: Asked) => void): Promise<void> {
    const client = this.#client;
    client.handle = ({ line, headers, payload }) => {
      const [operation, subject, reply] = line.split(" ");
      if (operation !== "LMSG" && operation !== "HMSG") return line !== "PONG";
      if (!subject.startsWith(API)) return true;
      const [kind, , stream] = subject.slice(API.length + 1).split(".");
      const { config } = JSON.parse(payload || "{}") as {
        config?: { deliver_subject: string; opt_start_seq?: number; opt_start_time?: string };
      };
      handle({
        kind: kind === "STREAM" ? "info" : "consumer",
        stream,
        deliver: config?.deliver_subject,
        startSequence: config?.opt_start_seq,
        startTime: config?.opt_start_time,
        reply,
        block: headers,
      });
      return true;
    };
    client.send(`LS+ ${API}.>\r\n`);
    await client.sync();
  }

  /** Publishes; `block` is a header block. */
  send(subject: string, payload: string, { reply = "", block = "" } = {}): void {
    const to = reply === "" ? subject : `${subject} ${reply}`;
    const line =
      block === "" ? `LMSG ${to} ${payload.length}` : `HMSG ${to} ${block.length} ${block.length + payload.length}`;
    this.#client.send(`${line}\r\n${block}${payload}\r\n`);
  }

  /** Cuts the link, whatever is on its way. */
  close(): void {
    this.#client.close();
  }

  /** Ends the link behind what was sent. */
  end(): void {
    this.#client.socket.end();
  }
}

/** The reply subject of a message that a consumer of `stream` sends. */
export function ackOf(
  stream: string,
  sequence: number,
  consumerSequence: number,
  pending = 0,
  seconds = 1_767_225_600,
): string {
  return `$JS.ACK.${stream}.C.1.${sequence}.${consumerSequence}.${seconds}000000000.${pending}`;
}
