// JetStream's API as tests ask it, and what they read of a stream's info.
import type { NatsConnection } from "@nats-io/transport-node";

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

/** Looks at a stream until it is as wanted. */
export async function infoUntil(
  client: NatsConnection,
  name: string,
  fits: (info: StreamInfo) => boolean,
): Promise<StreamInfo> {
  const deadline = AbortSignal.timeout(20_000);
  for (;;) {
    const info = await request<StreamInfo>(client, `STREAM.INFO.${name}`);
    if (fits(info)) return info;
    if (deadline.aborted) throw new Error(`stream ${name} stays as it is: ${JSON.stringify(info)}`);
    await new Promise(setImmediate);
  }
}
