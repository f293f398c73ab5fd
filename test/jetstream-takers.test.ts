// Streams of a cluster come and go while other servers' clients ask for them: each request is answered, and once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createInbox } from "@nats-io/transport-node";
import { ask, startMembers } from "./support/jetstream-cluster.js";
import { until } from "./support/local-cluster.js";

test("each request is answered once while streams come and go", { timeout: 60_000 }, async (t) => {
  const [, ...members] = await startMembers(t, 3);
  const wrong: string[] = [];
  const work = members.flatMap(({ client, server }, at) =>
    [0, 1, 2].map(async (worker) => {
      const inbox = createInbox();
      const answers = new Map<string, number>();
      client.subscribe(`${inbox}.*`, {
        callback: (_, { subject }) => void answers.set(subject, (answers.get(subject) ?? 0) + 1),
      });
      for (let round = 0; round < 60; round++) {
        const name = `N${(round + at + worker) % 3}`;
        const subject = `STREAM.${["CREATE", "INFO", "DELETE"][(round * 7 + at + worker * 2) % 3]}.${name}`;
        const body = subject.startsWith("STREAM.CREATE") ? JSON.stringify({ name, description: `${at} ${round}` }) : "";
        const reply = `${inbox}.${round}`;
        client.publish(`$JS.API.${subject}`, body, { reply });
        await until(`${subject} of ${server.name} is answered`, () => answers.has(reply));
      }
      await ask(client, "STREAM.NAMES");
      for (const [reply, count] of answers) if (count > 1) wrong.push(`${server.name} ${reply}: ${count}`);
    }),
  );
  await Promise.all(work);
  assert.deepEqual(wrong, []);
});
