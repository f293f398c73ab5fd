// A TCP relay that counts what passes, each way.

import type { AddressInfo } from "node:net";
import { createServer, connect as dial, type Server } from "node:net";

const HOST = "127.0.0.1";

export class ByteCounter {
  /** From whoever has connected to the target. */
  forth = 0;
  /** The other way. */
  back = 0;
  readonly #server: Server;

  private constructor(target: number) {
    this.#server = createServer({ noDelay: true }, (near) => {
      const far = dial({ host: HOST, port: target, noDelay: true });
      const end = (): void => {
        near.destroy();
        far.destroy();
      };
      for (const socket of [near, far]) socket.on("error", end).on("close", end);
      near.on("data", (data) => {
        this.forth += data.length;
        far.write(data);
      });
      far.on("data", (data) => {
        this.back += data.length;
        near.write(data);
      });
    });
  }

  /** Starts one in front of a port of 127.0.0.1. */
  static async before(target: number): Promise<ByteCounter> {
    const counter = new ByteCounter(target);
    await new Promise<void>((resolve) => counter.#server.listen(0, HOST, resolve));
    return counter;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }
}
