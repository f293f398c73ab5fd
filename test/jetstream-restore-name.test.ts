// A stream that is being restored has its name on all servers of a JetStream, until it is there or has failed.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { type Answer, ask, make, startMembers } from "./support/jetstream-cluster.js";
import { until } from "./support/local-cluster.js";

interface Archive {
  readonly config: object;
  readonly state: object;
  readonly chunks: readonly Uint8Array[];
}

interface Restoring extends Answer {
  readonly deliver_subject: string;
}

/** Makes a stream, and an archive of it, and deletes it. */
async function archiveOf(client: NatsConnection, name: string): Promise<Archive> {
  await make(client, name);
  for (let at = 0; at < 50; at++) await client.request(`${name.toLowerCase()}.x`, `${at} `.repeat(100));
  const chunks: Uint8Array[] = [];
  const inbox = client.subscribe(`archive.${name}`);
  const wanted = { deliver_subject: `archive.${name}`, chunk_size: 1024 };
  const { config, state } = (await ask(client, `STREAM.SNAPSHOT.${name}`, wanted)) as unknown as Archive;
  for await (const message of inbox) {
    if (message.data.length === 0) break;
    chunks.push(message.data);
    message.respond();
  }
  await ask(client, `STREAM.DELETE.${name}`);
  return { config, state, chunks };
}

const begin = async (client: NatsConnection, name: string, { config, state }: Archive): Promise<Restoring> =>
  (await ask(client, `STREAM.RESTORE.${name}`, { config, state })) as Restoring;

async function finish(client: NatsConnection, { deliver_subject: to }: Restoring, archive: Archive): Promise<Answer> {
  for (const chunk of archive.chunks) await client.request(to, chunk);
  return (await client.request(to, "", { timeout: 5000 })).json<Answer>();
}

test("a name is taken on all servers while its stream is restored", { timeout: 60_000 }, async (t) => {
  const [, one, two, three] = await startMembers(t, 3);
  const archive = await archiveOf(two.client, "R");
  const restoring = await begin(two.client, "R", archive);
  assert.equal(restoring.error, undefined);
  const isTaken = async (): Promise<void> => {
    for (const { client } of [two, three]) {
      assert.equal((await make(client, "R")).error?.err_code, 10058);
      assert.equal((await begin(client, "R", archive)).error?.err_code, 10130);
      assert.equal((await ask(client, "STREAM.INFO.R")).error?.err_code, 10059);
    }
  };
  await isTaken();
  // Who decides next has heard of it, too.
  await one.server.close();
  await until("another server decides", () =>
    ask(three.client, "STREAM.INFO.R").then(
      () => true,
      () => false,
    ),
  );
  await isTaken();
  const restored = await finish(two.client, restoring, archive);
  assert.deepEqual([restored.cluster?.leader, restored.state?.messages], ["S2", 50]);
  for (const { client } of [two, three]) {
    const { cluster, state } = await ask(client, "STREAM.INFO.R");
    assert.deepEqual([cluster?.leader, state?.messages], ["S2", 50]);
  }
});

test("a name is free when its restore has failed", { timeout: 60_000 }, async (t) => {
  const [, , two, three] = await startMembers(t, 3);
  const archive = await archiveOf(two.client, "R");
  const restoring = await begin(two.client, "R", archive);
  assert.equal((await make(three.client, "R")).error?.err_code, 10058);
  const failed = await finish(two.client, restoring, { ...archive, chunks: [Buffer.from("no archive")] });
  assert.equal(failed.error?.err_code, 10062);
  await until("it can be made", async () => (await make(three.client, "R")).cluster?.leader === "S3");
});
