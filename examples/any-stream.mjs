// The server takes any stream: here clients come through a Unix socket that the application has opened itself.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "natsnode";

const server = await startServer({ host: "127.0.0.1", port: -1 });
const folder = mkdtempSync(join(tmpdir(), "any-stream-"));
const path = process.platform === "win32" ? `\\\\.\\pipe\\natsnode-${process.pid}` : join(folder, "nats.sock");

const door = createServer((socket) => server.handle(socket)).listen(path);
await once(door, "listening");

const client = createConnection(path);
client.setEncoding("latin1");
client.write("CONNECT {}\r\nSUB news 1\r\nPUB news 5\r\nhello\r\n");
let text = "";
while (!text.includes("hello\r\n")) text += (await once(client, "data"))[0];
console.log(text.slice(text.indexOf("MSG")).trimEnd());

client.end();
door.close();
await server.close();
rmSync(folder, { recursive: true });
