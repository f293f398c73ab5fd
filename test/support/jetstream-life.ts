// A server with JetStream on the simulated disk between two failures, and a client that asks.
import type { SimulatedRuntime } from "../../src/runtime/simulated/index.js";
import { type SimulatedClient, type SimulatedServer, startSimulatedServer } from "./simulated-server.js";

const OPTIONS = { jetstream: { storeDir: "/data" } } as const;
const WAIT_MS = 50;

interface Place {
  readonly consumer_seq: number;
  readonly stream_seq: number;
}

/** What JetStream answers to requests of all kinds. */
export interface Answer {
  readonly error?: { readonly err_code: number; readonly description: string };
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly success?: boolean;
  readonly purged?: number;
  readonly message?: { readonly seq: number; readonly subject: string; readonly data?: string; readonly hdrs?: string };
  readonly delivered?: Place;
  readonly ack_floor?: Place;
  readonly num_ack_pending?: number;
  readonly num_redelivered?: number;
  readonly num_pending?: number;
  readonly sources?: readonly { readonly error?: { readonly description: string } }[];
  readonly state?: {
    readonly messages: number;
    readonly bytes: number;
    readonly first_seq: number;
    readonly last_seq: number;
    readonly deleted?: readonly number[];
  };
}

/** A server's life between two failures, and a client that asks. */
export class Life {
  readonly server: SimulatedServer;
  readonly client: SimulatedClient;
  #requests = 0;

  private constructor(server: SimulatedServer, client: SimulatedClient) {
    this.server = server;
    this.client = client;
  }

  static async begin(world: SimulatedRuntime): Promise<Life> {
    const server = await startSimulatedServer(OPTIONS, world);
    const client = await server.login();
    client.answersPings = true;
    client.send("SUB _R.> 1\r\n");
    await server.settle();
    return new Life(server, client);
  }

  /** Sends a request; gives the name that its answer comes under. */
  send(subject: string, payload: string, headers = ""): string {
    const name = `_R.${++this.#requests}`;
    const head = headers === "" ? "" : `NATS/1.0\r\n${headers}\r\n\r\n`;
    const sizes = head === "" ? `${payload.length}` : `${head.length} ${head.length + payload.length}`;
    this.client.send(`${head === "" ? "PUB" : "HPUB"} ${subject} ${name} ${sizes}\r\n${head}${payload}\r\n`);
    return name;
  }

  /** Whether a request has its answer, which may be empty. */
  isAnswered(name: string): boolean {
    return this.client.received.includes(`MSG ${name} 1 `);
  }

  /** Lets time pass in small steps until a request has its answer. */
  async untilAnswered(name: string): Promise<void> {
    for (let tries = 0; tries < 1000; tries++) {
      if (this.isAnswered(name)) return;
      await this.server.advance(0.25);
    }
    throw new Error(`${name} has no answer`);
  }

  answer(name: string): Answer | undefined {
    const { received } = this.client;
    const at = received.indexOf(`MSG ${name} 1 `);
    const line = at < 0 ? -1 : received.indexOf("\r\n", at);
    const end = line < 0 ? -1 : received.indexOf("\r\n", line + 2);
    return end < 0 ? undefined : (JSON.parse(received.slice(line + 2, end)) as Answer);
  }

  async ask(subject: string, body: object | string = "", headers = ""): Promise<Answer> {
    const name = this.send(subject, typeof body === "string" ? body : JSON.stringify(body), headers);
    for (let tries = 0; tries < 100; tries++) {
      const answer = this.answer(name);
      if (answer !== undefined) return answer;
      await this.server.advance(WAIT_MS);
    }
    throw new Error(`${subject} has no answer`);
  }
}

/** The files of a folder and of those in it. */
export function filesBelow(world: SimulatedRuntime, path: string): string[] {
  if (world.disk.statSync(path)?.isDirectory !== true) return [path];
  return world.disk.listSync(path).flatMap((name) => filesBelow(world, `${path}/${name}`));
}
