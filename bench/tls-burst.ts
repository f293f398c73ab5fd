// A burst of TLS handshakes beside a running request-reply: how long requests take while 1,000 clients connect at once with
// full ECDSA P-256 handshakes. Server, load and measurement are processes of their own.
// usage: node dist/bench/tls-burst.js [--server "CMD"] [--handshakes 1000] [--limit-ms 100]
// Exit code 1 when the 99th percentile of the requests in the burst is above the limit.
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { CertificateAuthority } from "../test/support/certificates.js";
import { freePort } from "../test/support/free-port.js";
import { projectRoot } from "../test/support/project.js";
import { ManualScope, temporaryFolder } from "../test/support/temporary-folder.js";

const { values: flags } = parseArgs({
  options: {
    server: { type: "string", default: `${process.execPath} ${join(projectRoot, "bin", "natsnode.js")}` },
    handshakes: { type: "string", default: "1000" },
    "limit-ms": { type: "string", default: "100" },
    burst: { type: "string" },
  },
});
const handshakes = Number(flags.handshakes);

/** A client that has sent CONNECT and got its PONG, in TLS. */
async function openClient(port: number): Promise<TLSSocket> {
  const raw = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(raw, "data");
  const client = connectTls({ socket: raw as Socket, rejectUnauthorized: false });
  await once(client, "secureConnect");
  client.write('CONNECT {"verbose":false}\r\nPING\r\n');
  await once(client, "data");
  return client;
}

/** The load: connects all at once, says when all are in. */
async function burst(port: number): Promise<void> {
  process.send?.("ready");
  await once(process, "message");
  const clients = await Promise.all(Array.from({ length: handshakes }, () => openClient(port)));
  process.send?.("done");
  for (const client of clients) client.destroy();
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** One request after the other until `stop` says so; resolves with their times in milliseconds, sorted. */
async function requests(requester: TLSSocket, stop: () => boolean): Promise<number[]> {
  const times: number[] = [];
  do {
    const start = performance.now();
    requester.write("PUB ask inbox 2\r\nhi\r\n");
    await once(requester, "data");
    times.push(performance.now() - start);
  } while (!stop());
  return times.sort((a, b) => a - b);
}

function report(name: string, times: readonly number[]): void {
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => percentile(times, share).toFixed(1));
  console.log(
    `${name.padEnd(16)} ${String(times.length).padStart(6)} requests   p50 ${p50} ms   p99 ${p99} ms   max ${max} ms`,
  );
}

async function main(scope: ManualScope): Promise<boolean> {
  const folder = temporaryFolder(scope);
  const port = await freePort();
  const { certificate, key } = new CertificateAuthority().issue();
  writeFileSync(join(folder, "cert.pem"), certificate);
  writeFileSync(join(folder, "key.pem"), key);
  const tls = `tls { cert_file: "${join(folder, "cert.pem")}", key_file: "${join(folder, "key.pem")}", timeout: 30 }`;
  writeFileSync(join(folder, "server.conf"), `listen: "127.0.0.1:${port}"\n${tls}\n`);
  const [command, ...words] = flags.server.split(" ");
  const server = spawn(command, [...words, "-c", join(folder, "server.conf")], { stdio: ["ignore", "ignore", "pipe"] });
  scope.after(() => void server.kill());
  for await (const text of server.stderr.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    if (text.includes("Server is ready")) break;
  }
  server.stderr.resume();

  const responder = await openClient(port);
  responder.write("SUB ask 1\r\n");
  responder.on("data", () => responder.write("PUB inbox 2\r\nok\r\n"));
  const requester = await openClient(port);
  requester.write("SUB inbox 1\r\n");
  const quietUntil = performance.now() + 1_000;
  report("quiet", await requests(requester, () => performance.now() > quietUntil));

  const load = fork(fileURLToPath(import.meta.url), ["--burst", String(port), "--handshakes", flags.handshakes]);
  scope.after(() => void load.kill());
  await once(load, "message");
  let over = false;
  load.once("message", () => {
    over = true;
  });
  const start = performance.now();
  load.send("go");
  const times = await requests(requester, () => over);
  const tookMs = performance.now() - start;
  report("in the burst", times);
  console.log(`${handshakes} handshakes in ${tookMs.toFixed(0)} ms`);
  requester.destroy();
  responder.destroy();
  return percentile(times, 0.99) <= Number(flags["limit-ms"]);
}

if (flags.burst !== undefined) await burst(Number(flags.burst));
else {
  const scope = new ManualScope();
  const held = await main(scope);
  await scope.close();
  process.exitCode = held ? 0 : 1;
}
