// Feeds bytes to a live server process and judges it: it must live, keep serving others, log no exception and not grow.
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { SEED_SESSIONS } from "./byte-mutator.js";
import { projectRoot } from "./project.js";
import { connectClient, type RawClient } from "./raw-client.js";
import { type ServerProcess, type ServerProcessOptions, startServerProcess } from "./server-process.js";
import type { Scope } from "./temporary-folder.js";

/** Where inputs that once broke the server are kept; they are sent again by every test run. */
export const corpusFolder: string = join(projectRoot, "test", "fuzz-corpus");

const CONFIG = "max_pending: 8MB, max_payload: 64KB";
const MOST_RESIDENT_BYTES = 600 * 2 ** 20;
const CLOSE_LIMIT_MS = 2000;
const PROCESS_END_LIMIT_MS = 2000;

/** The seed sessions and every kept finding. */
export function corpus(): Uint8Array[] {
  const kept = readdirSync(corpusFolder).filter((name) => name.endsWith(".bin"));
  return [
    ...SEED_SESSIONS.map((text) => Buffer.from(text, "latin1")),
    ...kept.map((name) => readFileSync(join(corpusFolder, name))),
  ];
}

/** A server under fuzz and a witness: a client that must be served whatever the others send. */
export class FuzzedServer {
  readonly server: ServerProcess;
  readonly #witness: RawClient;

  private constructor(server: ServerProcess, witness: RawClient) {
    this.server = server;
    this.#witness = witness;
  }

  static async start(scope: Scope, program: ServerProcessOptions["program"]): Promise<FuzzedServer> {
    const server = await startServerProcess(scope, { program, config: CONFIG });
    const witness = await connectClient(scope, server.port, { name: "witness" });
    witness.send("SUB witness.of.the.fuzz 1\r\n");
    await witness.sync();
    return new FuzzedServer(server, witness);
  }

  /** Sends inputs, each on a connection of its own, all at once; returns what is wrong with the server then, or undefined. */
  async feed(inputs: readonly Uint8Array[]): Promise<string | undefined> {
    await Promise.all(inputs.map((input) => this.#send(input)));
    return this.#judge();
  }

  /** Resolves when the server has closed the connection, or after two seconds: it may rightly wait for more. */
  #send(input: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect({ port: this.server.port, host: "127.0.0.1" });
      socket.setTimeout(CLOSE_LIMIT_MS, () => socket.destroy());
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      socket.resume();
      socket.end(input);
    });
  }

  async #judge(): Promise<string | undefined> {
    const { server } = this;
    try {
      this.#witness.send("PUB witness.of.the.fuzz 2\r\nhi\r\n");
      const got = await this.#witness.sync();
      if (!got.some((item) => item.line === "MSG witness.of.the.fuzz 1 2"))
        return "the witness did not get its own message";
    } catch (error) {
      // Its connections end a moment before the process is known to have ended.
      await server.exited(PROCESS_END_LIMIT_MS).catch(() => {});
      const end = server.ended ? `the server ended (${JSON.stringify(server.ended)})` : "the witness was not served";
      return `${end}: ${(error as Error).message}\n${server.log.slice(-4000)}`;
    }
    const exception = /^.*\b(?:[A-Z]\w*Error|panic|uncaught)\b.*(?:\n\s+at .*)*/m.exec(server.log);
    if (exception) return `the server logged an exception: ${exception[0]}`;
    if (server.residentBytes() > MOST_RESIDENT_BYTES) return `the server takes ${server.residentBytes()} bytes`;
    return undefined;
  }
}
