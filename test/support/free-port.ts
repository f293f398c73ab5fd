// Ports for servers that must know theirs before they start, or start again on the same one.
import { createServer } from "node:net";

// Below the ports that systems give to outgoing connections (32768 and up on Linux, 49152 elsewhere): one of those may be
// taken by the time that a server wants it.
const FIRST = 10_000;
const LAST = 32_000;

const handedOut = new Set<number>();

/** A TCP port of 127.0.0.1 that nothing listens on, never handed out twice by this process. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
