// JetStream domains over leaf links: who answers a request with and without a domain at each server of a hub and its leaf nodes,
// among natsnode servers and with nats-server at either end. Every request has one answer, or nobody is there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { startServer } from "../src/index.js";
import { freePort } from "./support/free-port.js";
import { connectionTo } from "./support/leaf-link.js";
import { withoutNeighbour } from "./support/neighbour.js";
import { type ServerProgram, startServerProcess } from "./support/server-process.js";
import { type Scope, temporaryFolder } from "./support/temporary-folder.js";

/** The domain "" is none; without one the server has no JetStream. */
interface NodeSpec {
  readonly domain?: string;
  /** Shares the system account with its hub. */
  readonly sharesSystem?: boolean;
  readonly more?: string;
}

interface Variant {
  readonly name: string;
  /** The hub first; each further one is a leaf node of the one before it. */
  readonly nodes: readonly NodeSpec[];
  /** For each server: the domains of those who answer requests to "", "H", "L" and "K"; "-" for nobody. */
  readonly answers: readonly string[];
}

const variants: readonly Variant[] = [
  { name: "two domains", nodes: [{ domain: "H" }, { domain: "L" }], answers: ["H H L -", "L H L -"] },
  {
    name: "two domains, shared system account",
    nodes: [{ domain: "H" }, { domain: "L", sharesSystem: true }],
    answers: ["H H L -", "L H L -"],
  },
  { name: "no domains", nodes: [{ domain: "" }, { domain: "" }], answers: ["none - - -", "none - - -"] },
  {
    name: "no domains, shared system account",
    nodes: [{ domain: "" }, { domain: "", sharesSystem: true }],
    answers: ["none - - -", "none - - -"],
  },
  { name: "the same domain", nodes: [{ domain: "H" }, { domain: "H" }], answers: ["H H - -", "H H - -"] },
  {
    name: "the same domain, shared system account",
    nodes: [{ domain: "H" }, { domain: "H", sharesSystem: true }],
    answers: ["H H - -", "H H - -"],
  },
  { name: "a domain at the leaf only", nodes: [{ domain: "" }, { domain: "L" }], answers: ["none - L -", "L - L -"] },
  { name: "a domain at the hub only", nodes: [{ domain: "H" }, { domain: "" }], answers: ["H H - -", "none H - -"] },
  { name: "a plain leaf", nodes: [{ domain: "H" }, {}], answers: ["H H - -", "- H - -"] },
  {
    name: "a plain leaf, shared system account",
    nodes: [{ domain: "H" }, { sharesSystem: true }],
    answers: ["H H - -", "- H - -"],
  },
  { name: "a plain leaf of a hub without domain", nodes: [{ domain: "" }, {}], answers: ["none - - -", "- - - -"] },
  { name: "a plain hub", nodes: [{}, { domain: "L" }], answers: ["- - L -", "L - L -"] },
  { name: "a plain hub, no domain", nodes: [{}, { domain: "" }], answers: ["- - - -", "none - - -"] },
  {
    name: "a default domain at a plain leaf",
    nodes: [{ domain: "H" }, { more: "default_js_domain { A: H }" }],
    answers: ["H H - -", "H H - -"],
  },
  {
    name: "a default domain at a plain hub",
    nodes: [{ more: "default_js_domain { A: L }" }, { domain: "L" }],
    answers: ["L - L -", "L - L -"],
  },
  {
    name: "an empty default domain at a plain leaf: it extends its hub's account",
    nodes: [{ domain: "H" }, { more: `default_js_domain { A: "" }` }],
    answers: ["H H - -", "H H - -"],
  },
  {
    name: "a chain of three domains",
    nodes: [{ domain: "H" }, { domain: "L" }, { domain: "K" }],
    answers: ["H H L K", "L H L K", "K H L K"],
  },
  {
    name: "a chain with a plain server between",
    nodes: [{ domain: "H" }, {}, { domain: "K" }],
    answers: ["H H - K", "- H - K", "K H - K"],
  },
  {
    name: "a chain with a server without domain between",
    nodes: [{ domain: "H" }, { domain: "" }, { domain: "K" }],
    answers: ["H H - K", "none H - K", "K H - K"],
  },
];
const mixes: readonly (readonly ServerProgram[])[] = [
  ["natsnode"],
  ["natsnode", "neighbour"],
  ["neighbour", "natsnode"],
];

for (const { name, nodes, answers } of variants) {
  for (const programs of mixes) {
    const skip = programs.length === 1 ? false : withoutNeighbour();
    test(`${name}: ${programs.join(" and ")}`, { skip }, async (t) => {
      const clients = await startAll(t, nodes, programs);
      const found: string[] = [];
      for (const client of clients) {
        const row: string[] = [];
        for (const domain of ["", "H", "L", "K"]) row.push(await answersTo(client, domain));
        found.push(row.join(" "));
      }
      assert.deepEqual(found, answers);
    });
  }
}

/** Starts the servers, and waits until each reaches the next. A client of each. */
async function startAll(
  scope: Scope,
  nodes: readonly NodeSpec[],
  programs: readonly ServerProgram[],
): Promise<NatsConnection[]> {
  const clients: NatsConnection[] = [];
  let hubPort = 0;
  for (const [at, { domain, sharesSystem = false, more = "" }] of nodes.entries()) {
    const port = await freePort();
    const remote = (account: string): string =>
      `{ url: "nats-leaf://${account}:pw@127.0.0.1:${hubPort}", account: ${account} }`;
    const remotes = at === 0 ? [] : ["A", ...(sharesSystem ? ["SYS"] : [])].map(remote);
    const hasJetStream = domain !== undefined;
    const configText = `server_name: N${at}
${hasJetStream ? `jetstream { store_dir: "{{DIR}}"${domain ? `, domain: ${domain}` : ""} }` : ""}
accounts {
  A { ${hasJetStream ? "jetstream: enabled, " : ""}users: [{ user: A, password: pw }] }
  SYS { users: [{ user: SYS, password: pw }] }
}
system_account: SYS
leafnodes { listen: "127.0.0.1:${port}", reconnect: 1, remotes: [${remotes.join(", ")}] }
${more}`;
    const { port: clientPort } = await startOne(scope, programs[at % programs.length], configText);
    const client = await connect({ port: clientPort, user: "A", pass: "pw" });
    scope.after(() => client.close());
    for (const other of clients) await connectionTo(client, other);
    clients.push(client);
    hubPort = port;
  }
  return clients;
}

// natsnode in this process: dozens of processes would take most of the test's time.
async function startOne(scope: Scope, program: ServerProgram, config: string): Promise<{ port: number }> {
  if (program !== "natsnode") return startServerProcess(scope, { program, config });
  const configText = config.replaceAll("{{DIR}}", temporaryFolder(scope));
  const server = await startServer({ configText, host: "127.0.0.1", port: -1 });
  scope.after(() => server.close());
  return { port: server.address.port };
}

/** The domains of all who answer: "none" for one without, "-" for nobody. */
async function answersTo(client: NatsConnection, domain: string): Promise<string> {
  const inbox = `answers.${domain || "none"}`;
  const answers = client.subscribe(inbox);
  client.publish(domain === "" ? "$JS.API.INFO" : `$JS.${domain}.API.INFO`, "", { reply: inbox });
  const found: string[] = [];
  const iterator = answers[Symbol.asyncIterator]();
  const { value: first } = await iterator.next();
  const domainOf = (message: typeof first): string =>
    message.headers?.code === 503 ? "-" : (message.json().domain ?? "none");
  found.push(domainOf(first));
  // Whoever else answers does so before the answers of these.
  for (let trip = 0; trip < 3; trip++) {
    for (const other of ["", "H", "L", "K"]) {
      await client.request(other === "" ? "$JS.API.INFO" : `$JS.${other}.API.INFO`).catch(() => undefined);
    }
  }
  answers.unsubscribe();
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) found.push(domainOf(next.value));
  return found.join("+");
}
