// A NATS server inside an application: start, connect without a socket, ask and answer, close.
import { startServer } from "natsnode";

const server = await startServer({ host: "127.0.0.1", port: -1, logger: { warn: console.warn, error: console.error } });
server.on("connect", ({ name, inProcess }) => console.log(`${name} connected${inProcess ? " without a socket" : ""}`));
console.log(`other programs reach it at ${server.clientUrl}`);

const nc = await server.connect({ name: "calculator" });
nc.subscribe("square", {
  callback: (_error, message) => {
    message.respond(String(Number(message.string()) ** 2));
  },
});
const answer = await nc.request("square", "12");
console.log(`12 squared is ${answer.string()}`);

const { inMsgs, connections } = await server.status();
console.log(`${connections} connection, ${inMsgs} messages received`);
await nc.drain();
await server.close();
