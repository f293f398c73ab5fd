// JetStream's API as tests ask it, and what they read of a stream's info.
import assert from "node:assert/strict";
import type { NatsConnection } from "@nats-io/transport-node";
import { lookAgain } from "./look-again.js";
import type { RawClient } from "./raw-client.js";

/** A mirror or source, as stream info shows it. */
export interface FlowInfo {
  readonly lag: number;
  readonly active: number;
  readonly seq?: number;
  readonly error?: { readonly description: string };
}

export interface StreamInfo {
  readonly state: { readonly messages: number; readonly last_seq: number };
  readonly mirror?: FlowInfo;
  readonly sources?: readonly FlowInfo[];
}

/** Asks the API; `subject` is below `$JS.API.`. Rejects when the answer is an error. */
export async function request<T>(client: NatsConnection, subject: string, body: object | string = ""): Promise<T> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answer = (await client.request(`$JS.API.${subject}`, text, { timeout: 5000 })).json<T & { error?: object }>();
  if (answer.error !== undefined) throw new Error(`${subject}: ${JSON.stringify(answer.error)}`);
  return answer;
}

/** Asks on any subject with bytes; one at a time, under the sid 99. Rejects when the answer is an error. */
export async function requestRaw(client: RawClient, subject: string, body: object): Promise<Record<string, unknown>> {
  const text = JSON.stringify(body);
  client.send(`SUB answer 99\r\nUNSUB 99 1\r\nPUB ${subject} answer ${text.length}\r\n${text}\r\n`);
  const { payload } = await client.expect(/^MSG answer 99 /);
  const answer = JSON.parse(payload) as Record<string, unknown>;
  assert.equal(answer["error"], undefined, payload);
  return answer;
}

/** Looks at a stream until it is as wanted. */
export async function infoUntil(
  client: NatsConnection,
  name: string,
  fits: (info: StreamInfo) => boolean,
  limitMs = 20_000,
): Promise<StreamInfo> {
  const deadline = AbortSignal.timeout(limitMs);
  for (;;) {
    const info = await request<StreamInfo>(client, `STREAM.INFO.${name}`);
    if (fits(info)) return info;
    if (deadline.aborted) throw new Error(`stream ${name} stays as it is: ${JSON.stringify(info)}`);
    await lookAgain();
  }
}

export async function consumersOf(client: NatsConnection, stream: string): Promise<string[]> {
  return (await request<{ consumers: string[] }>(client, `CONSUMER.NAMES.${stream}`)).consumers;
}

/** Resolves with the names of a stream's consumers when there are as many, and `isWanted` holds for all. */
export async function untilConsumers(
  client: NatsConnection,
  stream: string,
  count: number,
  isWanted = /./,
): Promise<string[]> {
  const deadline = AbortSignal.timeout(20_000);
  for (;;) {
    const names = await consumersOf(client, stream);
    if (names.length === count && names.every((name) => isWanted.test(name))) return names;
    if (deadline.aborted) throw new Error(`${stream} has not ${count} consumers: ${names}`);
    await lookAgain();
  }
}

/** A stream as it was: its configuration and state, and the chunks of its archive. */
export interface Archive {
  readonly config: object;
  readonly state: object;
  readonly chunks: readonly Uint8Array[];
}

/** Takes an archive of a stream. */
export async function snapshot(client: NatsConnection, name: string): Promise<Archive> {
  const chunks: Uint8Array[] = [];
  const subject = `archive.${name}`;
  const inbox = client.subscribe(subject);
  const { config, state } = await request<Archive>(client, `STREAM.SNAPSHOT.${name}`, { deliver_subject: subject });
  for await (const message of inbox) {
    if (message.data.length === 0) break;
    chunks.push(message.data);
    message.respond();
  }
  return { config, state, chunks };
}

/** Makes a stream of an archive. Rejects when it cannot be made. */
export async function restore(client: NatsConnection, name: string, archive: Archive): Promise<void> {
  const { config, state, chunks } = archive;
  const to = (await request<{ deliver_subject: string }>(client, `STREAM.RESTORE.${name}`, { config, state }))
    .deliver_subject;
  for (const chunk of chunks) await client.request(to, chunk);
  const { error } = (await client.request(to)).json<{ error?: object }>();
  if (error !== undefined) throw new Error(`${name} is not restored: ${JSON.stringify(error)}`);
}
