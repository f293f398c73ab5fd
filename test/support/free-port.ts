// Ports for servers that must know theirs before they start.
import { createServer } from "node:net";

const handedOut = new Set<number>();

/** A TCP port of 127.0.0.1 that nothing listens on, never handed out twice by this process. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const probe = createServer();
      probe.once("error", reject);
      probe.listen(0, "127.0.0.1", () => {
        const address = probe.address();
        if (address === null || typeof address === "string") return reject(new Error("no port"));
        probe.close(() => resolve(address.port));
      });
    });
    if (!handedOut.has(port)) {
      handedOut.add(port);
      return port;
    }
  }
}
