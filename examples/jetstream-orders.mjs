// A kitchen that loses no order: streams and a consumer declared in the options, an order that nobody can cook becomes a dead
// letter, and everything is still there after a restart. Run it with: node examples/jetstream-orders.mjs
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstream } from "@nats-io/jetstream";
import { startServer } from "natsnode";

const storeDir = mkdtempSync(join(tmpdir(), "orders-"));
const start = () =>
  startServer({
    host: "127.0.0.1",
    port: -1,
    jetstream: {
      storeDir,
      streams: {
        ORDERS: {
          subjects: ["orders.*"],
          retention: "workqueue",
          consumers: { kitchen: { maxDeliver: 2, deadLetter: "dead.orders" } },
        },
        DEAD: { subjects: ["dead.*"] },
      },
    },
  });

const first = await start();
const till = await first.connect();
for (const order of ["pizza", "stone soup", "salad"]) {
  const { seq } = await jetstream(till).publish("orders.new", order);
  console.log(`order ${seq}: ${order}, on the disk`);
}
await till.close();
await first.close();

const second = await start();
const nc = await second.connect();
const kitchen = await jetstream(nc).consumers.get("ORDERS", "kitchen");
for (let cooked = 0; cooked < 2; ) {
  const order = await kitchen.next();
  if (order === null) continue;
  if (order.string() === "stone soup") {
    order.nak();
    continue;
  }
  await order.ackAck();
  cooked++;
  console.log(`cooked after the restart: ${order.string()}`);
}
const refused = await kitchen.next({ expires: 1000 });
refused?.nak();
const letter = await (await jetstream(nc).consumers.get("DEAD")).next();
console.log(`nobody could cook: ${letter?.string()} (${letter?.headers?.get("Nats-Dead-Letter-Deliveries")} times)`);
await nc.close();
await second.close();
rmSync(storeDir, { recursive: true });
