// All ways in which an origin may fail a source or mirror: it goes on at the message that is missing, and takes none twice.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { type NatsServer, startServer } from "../src/index.js";
import { type Asked, ackOf, ScriptedOrigin } from "./support/scripted-origin.js";
import { infoUntil, request } from "./support/stream-api.js";
import { temporaryFolder } from "./support/temporary-folder.js";

const here = { host: "127.0.0.1", port: -1 };
const MESSAGES = 3;
const INFO = `{"created":"2026-01-01T00:00:00Z","state":{"last_seq":${MESSAGES}}}`;
const external = { api: "$JS.leaf.API" };
const scripted = { api: "$JS.there.API" };

// Gone after the servers that write into it.
const folders = temporaryFolder({ after });

interface Failure {
  readonly what: string;
  /** What becomes of the first consumer. */
  fail(leaf: ScriptedOrigin, asked: Asked, deliver: string): void;
  /** How many messages have come of it. */
  readonly came: number;
  readonly error?: string;
  readonly cutsLink?: boolean;
}

function beat(leaf: ScriptedOrigin, deliver: string, last: number): void {
  leaf.send(deliver, "", { block: `NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: ${last}\r\n\r\n` });
}

function sendTo(leaf: ScriptedOrigin, deliver: string, sequence: number, consumerSequence: number): void {
  leaf.send(deliver, `${sequence}`, { reply: ackOf("O", sequence, consumerSequence, MESSAGES - sequence) });
}

const FAILURES: readonly Failure[] = [
  {
    what: "loses a message",
    came: 1,
    error: "a message of the origin was missed",
    fail(leaf, { reply }, deliver) {
      leaf.send(reply, "{}");
      for (const at of [1, 3]) sendTo(leaf, deliver, at, at);
    },
  },
  {
    what: "loses its last messages, as its heartbeat tells",
    came: 1,
    error: "a message of the origin was missed",
    fail(leaf, { reply }, deliver) {
      leaf.send(reply, "{}");
      sendTo(leaf, deliver, 1, 1);
      beat(leaf, deliver, 3);
    },
  },
  {
    what: "has sent a message and loses its consumer",
    came: 1,
    error: "no heartbeat of the origin",
    fail(leaf, { reply }, deliver) {
      leaf.send(reply, '{"num_pending":3}');
      sendTo(leaf, deliver, 1, 1);
    },
  },
  {
    what: "sends messages twice",
    came: 2,
    fail(leaf, { reply }, deliver) {
      leaf.send(reply, "{}");
      for (const at of [1, 1, 2, 1, 2]) sendTo(leaf, deliver, at, at);
      beat(leaf, deliver, 5);
    },
  },
  {
    what: "has no answer to who wants a consumer",
    came: 0,
    error: "no answer from the origin's API",
    fail() {},
  },
  {
    what: "has its link cut while a consumer is made",
    came: 0,
    cutsLink: true,
    fail(leaf) {
      leaf.close();
    },
  },
  {
    what: "has its link cut behind a message",
    came: 2,
    cutsLink: true,
    fail(leaf, { reply }, deliver) {
      leaf.send(reply, '{"num_pending":3}');
      for (const at of [1, 2]) sendTo(leaf, deliver, at, at);
      leaf.end();
    },
  },
];

for (const { what, came, error, cutsLink, fail } of FAILURES) {
  for (const name of ["S", "M"]) {
    test(`${name === "S" ? "a source" : "a mirror"} whose origin ${what}`, { timeout: 40_000 }, async (t) => {
      const jetstream = { storeDir: temporaryFolder(t), domain: "hub" };
      const server = await startServer({ ...here, jetstream, leafnodes: here });
      t.after(() => server.close());
      const client = await server.connect();
      const port = server.addresses["leafnode"].port;
      const starts: (number | undefined)[] = [];
      const play = async (leaf: ScriptedOrigin): Promise<void> => {
        await leaf.answer((asked) => {
          const { deliver, startSequence, reply } = asked;
          if (deliver === undefined) {
            leaf.send(reply, INFO);
            return;
          }
          if (starts.push(startSequence) === 1) {
            if (cutsLink) leaf.ended = () => void ScriptedOrigin.connect(t, port).then(play);
            fail(leaf, asked, deliver);
            return;
          }
          leaf.send(reply, '{"num_pending":3}');
          let consumerSequence = 0;
          for (let at = startSequence ?? 1; at <= MESSAGES; at++) sendTo(leaf, deliver, at, ++consumerSequence);
        });
      };
      await play(await ScriptedOrigin.connect(t, port));
      const stalled = client.subscribe(`$JS.EVENT.ADVISORY.STREAM.INFLOW_STALLED.${name}`, { max: 1 });
      const origin = { name: "O", external: scripted };
      const config = name === "S" ? { sources: [origin] } : { mirror: origin };
      await request(client, `STREAM.CREATE.${name}`, { name, ...config });
      if (error !== undefined) {
        for await (const message of stalled) assert.equal(message.json<{ reason: string }>().reason, error);
      }
      const info = await infoUntil(client, name, ({ state }) => state.messages >= MESSAGES);
      const inflow = info.mirror ?? info.sources?.[0];
      assert.deepEqual(
        [info.state.messages, info.state.last_seq, inflow?.error, inflow?.lag],
        [MESSAGES, MESSAGES, undefined, 0],
      );
      for (let seq = 1; seq <= MESSAGES; seq++) {
        const { message } = await request<{ message: { data: string } }>(client, `STREAM.MSG.GET.${name}`, { seq });
        assert.equal(Buffer.from(message.data, "base64").toString(), `${seq}`);
      }
      // The last message is seen once more.
      assert.deepEqual(starts.slice(0, 2), [undefined, came > 1 ? came : undefined]);
    });
  }
}

async function startLeaf(hub: NatsServer, folder: string, hasJetStream: boolean): Promise<NatsServer> {
  const jetstream = hasJetStream ? { storeDir: join(folder, "leaf"), domain: "leaf" } : undefined;
  const remotes = [{ urls: [`nats-leaf://127.0.0.1:${hub.addresses["leafnode"].port}`] }];
  return startServer({ ...here, serverName: "leaf", jetstream, leafnodes: { remotes } });
}

test("an origin whose server is started without JetStream, and then with it again", { timeout: 60_000 }, async (t) => {
  const folder = join(folders, "without");
  const hub = await startServer({
    ...here,
    serverName: "hub",
    jetstream: { storeDir: join(folder, "hub"), domain: "hub" },
    leafnodes: here,
  });
  t.after(() => hub.close());
  const desk = await hub.connect();
  const first = await startLeaf(hub, folder, true);
  const client = await first.connect();
  await request(client, "STREAM.CREATE.O", { name: "O", subjects: ["o"] });
  for (let at = 0; at < MESSAGES; at++) await client.request("o", `${at}`);
  await request(desk, "STREAM.CREATE.S", { name: "S", sources: [{ name: "O", external }] });
  await request(desk, "STREAM.CREATE.M", { name: "M", mirror: { name: "O", external } });
  for (const name of ["S", "M"]) await infoUntil(desk, name, ({ state }) => state.messages === MESSAGES);
  await first.close();
  const second = await startLeaf(hub, folder, false);
  for (const name of ["S", "M"]) {
    await infoUntil(desk, name, ({ mirror, sources }) => (mirror ?? sources?.[0])?.error !== undefined);
  }
  await second.close();
  const third = await startLeaf(hub, folder, true);
  t.after(() => third.close());
  await (await third.connect()).request("o", "new");
  for (const name of ["S", "M"]) {
    const { state, mirror, sources } = await infoUntil(desk, name, (info) => info.state.messages > MESSAGES);
    assert.deepEqual([state.messages, (mirror ?? sources?.[0])?.error], [MESSAGES + 1, undefined]);
  }
});
