// Two ships measure at sea: each stores its measurements in a stream of its own, whether or not there is a line to the shore.
// The shore sources both streams into one. The line of one ship is cut in the middle; nothing is lost and nothing comes twice.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "natsnode";
import { cuttingProxy } from "natsnode/testing";

const here = { host: "127.0.0.1", port: -1 };
const folder = mkdtempSync(join(tmpdir(), "store-and-forward-"));

const shore = await startServer({
  ...here,
  serverName: "shore",
  jetstream: { storeDir: join(folder, "shore"), domain: "shore" },
  leafnodes: here,
});
const line = await cuttingProxy(shore.addresses.leafnode.port);

// A domain of its own: the ship's streams are the ship's, and the shore reaches them as $JS.<domain>.API.
async function ship(name = "", port = 0) {
  const server = await startServer({
    ...here,
    serverName: name,
    jetstream: { storeDir: join(folder, name), domain: name },
    leafnodes: {
      reconnectMs: 100,
      remotes: [{ urls: [`nats-leaf://127.0.0.1:${port}`], ignoreDiscoveredServers: true }],
    },
  });
  const client = await server.connect();
  const config = { name: "MEASURED", subjects: [`measured.${name}.>`] };
  await client.request("$JS.API.STREAM.CREATE.MEASURED", JSON.stringify(config));
  return { server, client };
}
const north = await ship("north", line.port);
const south = await ship("south", shore.addresses.leafnode.port);

const desk = await shore.connect();
const sources = ["north", "south"].map((name) => ({
  name: "MEASURED",
  external: { api: `$JS.${name}.API`, deliver: "" },
}));
await desk.request("$JS.API.STREAM.CREATE.ALL", JSON.stringify({ name: "ALL", sources }));

/** Resolves when the shore has so many measurements. */
async function shoreHas(count = 0) {
  for (;;) {
    const { state } = JSON.parse((await desk.request("$JS.API.STREAM.INFO.ALL", "")).string());
    if (state.messages >= count) return state.messages;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// An answer means that the measurement is on the ship's disk.
const measure = async ({ client, server } = north, value = 0) => {
  await client.request(`measured.${server.name}.depth`, String(value));
};

for (let value = 1; value <= 10; value++) for (const one of [north, south]) await measure(one, value);
console.log(`the shore has ${await shoreHas(20)} measurements`);

line.cut();
for (let value = 11; value <= 30; value++) for (const one of [north, south]) await measure(one, value);
console.log(`with one line cut it has ${await shoreHas(40)}`);

line.heal();
console.log(`with the line back it has ${await shoreHas(60)}`);

const got = { north: "", south: "" };
for (let seq = 1; seq <= 60; seq++) {
  const answer = await desk.request("$JS.API.STREAM.MSG.GET.ALL", JSON.stringify({ seq }));
  const { message } = JSON.parse(answer.string());
  const value = `${Buffer.from(message.data, "base64")} `;
  if (message.subject.startsWith("measured.north.")) got.north += value;
  else got.south += value;
}
const wanted = Array.from({ length: 30 }, (_, at) => `${at + 1} `).join("");
if (got.north !== wanted || got.south !== wanted) throw new Error(`not each once, in order: ${JSON.stringify(got)}`);
console.log("of both ships each measurement is there once, in order");

for (const { client, server } of [north, south]) {
  await client.close();
  await server.close();
}
await desk.close();
await shore.close();
await line.close();
rmSync(folder, { recursive: true, force: true });
