// The service at the edge: the till of a shop with a NATS server inside, a leaf node of the office's. Pages connect to the till over
// WebSocket. While the line to the office is cut, the till sells on; when it is back, the office gets what it has missed.
// Runs once through all of that and ends; with --serve it stays and shows the page at http://127.0.0.1:8080.
import { createServer } from "node:http";
import { wsconnect } from "@nats-io/nats-core";
import { startServer } from "natsnode";
import { cuttingProxy } from "natsnode/testing";
import { WebSocket } from "ws";

const here = { host: "127.0.0.1", port: -1 };

// The office. It is somewhere else in real life; here the line to it is one that can be cut.
const office = await startServer({ ...here, serverName: "office", leafnodes: here });
const line = await cuttingProxy(office.addresses.leafnode.port);
let booked = 0;
const desk = await office.connect({ name: "desk" });
desk.subscribe("office.sale", {
  callback: (_error, message) => {
    console.log(`the office books ${message.string()}`);
    booked++;
    message.respond("booked");
  },
});

// The till: this is all that an application needs to be a leaf node. Given an address of a proxy, it must not learn the real one.
const till = await startServer({
  ...here,
  serverName: "till",
  websocket: { ...here, noTls: true },
  leafnodes: {
    reconnectMs: 100,
    remotes: [{ urls: [`nats-leaf://${line.host}:${line.port}`], ignoreDiscoveredServers: true }],
  },
});
const app = await till.connect({ name: "till" });
let receipts = 0;
let lastSale = Promise.resolve();
app.subscribe("till.sell", {
  callback: (_error, message) => {
    const what = message.string();
    message.respond(`receipt ${++receipts} for ${what}`);
    lastSale = lastSale.then(() => book(what));
  },
});

// Tells the office of a sale until that says that it has booked it; the next one waits.
async function book(what = "") {
  for (;;) {
    try {
      await app.request("office.sale", what, { timeout: 1000 });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

const ws = `ws://127.0.0.1:${till.addresses.websocket.port}`;
const page = `<!doctype html>
<title>till</title>
<input id="what" value="apples"> <button id="sell">sell</button> <pre id="receipts"></pre>
<script type="module">
  import { wsconnect } from "https://esm.run/@nats-io/nats-core";
  const nc = await wsconnect({ servers: "${ws}" });
  const field = (id) => document.getElementById(id);
  field("sell").onclick = async () => {
    field("receipts").textContent += (await nc.request("till.sell", field("what").value)).string() + "\\n";
  };
</script>`;
const web = createServer((_request, response) => {
  response.setHeader("content-type", "text/html").end(page);
});

if (process.argv.includes("--serve")) {
  web.listen(8080, "127.0.0.1", () => console.log("the till is at http://127.0.0.1:8080"));
} else {
  // What the page does, without a browser. Node has a WebSocket of its own from version 22 on.
  Object.assign(globalThis, { WebSocket });
  const client = await wsconnect({ servers: ws });
  const sell = async (what = "") => console.log((await client.request("till.sell", what)).string());
  await sell("apples");
  await lastSale;
  line.cut();
  await sell("pears"); // the line is cut: the till answers all the same
  await sell("plums");
  if (booked !== 1) throw new Error("nothing can have come through");
  line.heal();
  await lastSale;
  console.log(`${booked} sales are booked`);
  await client.close();
  await app.close();
  await desk.close();
  await till.close();
  await line.close();
  await office.close();
}
