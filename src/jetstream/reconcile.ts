// Brings streams and consumers to what the options declare of them: creates, updates, never deletes. What cannot be done is
// named in the log, and the rest goes on.
import { stringifyExact } from "../protocol/json.js";
import type { ApiRequest, ApiRoute } from "./api/api.js";
import { CONSUMER_ROUTES } from "./api/consumers.js";
import { STREAM_ROUTES } from "./api/streams.js";
import { CONSUMER_FIELDS } from "./consumers/consumer-config.js";
import { type Declared, declaredIn } from "./declared.js";
import { type Fields, readFields, writeFields } from "./fields.js";
import type { JetStream } from "./jetstream.js";
import type { JetStreamAccount } from "./js-account.js";
import { STREAM_FIELDS } from "./streams/stream-config.js";

/** Creates and updates what the options declare. The caller waits for what it needs to be durable. */
export function reconcile(js: JetStream): void {
  for (const declared of declaredIn(js.options)) {
    const { logger } = js.server;
    const label = `Declared stream "${declared.stream}" of account "${declared.account}"`;
    const attempt = (what: string, run: () => boolean): boolean => {
      try {
        if (run()) logger.info(`${what} is there as it is declared now`);
        return true;
      } catch (error) {
        logger.error(`${what} cannot be as it is declared: ${(error as Error).message}`);
        return false;
      }
    };
    const account = accountOf(js, declared.account);
    if (account === undefined) {
      logger.error(`${label} cannot be as it is declared: the account has no JetStream`);
      continue;
    }
    if (isElsewhere(account, declared.stream)) continue;
    attempt(label, () => reconcileStream(account, declared));
    if (!account.streams.has(declared.stream)) continue;
    for (const [name, config] of Object.entries(declared.consumers)) {
      const what = `Declared consumer "${declared.stream} > ${name}" of account "${declared.account}"`;
      attempt(what, () => reconcileConsumer(account, declared.stream, name, config));
    }
  }
}

function accountOf(js: JetStream, name: string): JetStreamAccount | undefined {
  const account = js.server.accounts.get(name);
  return account && js.accounts.get(account);
}

// Of several servers with the declaration, the one that has the stream does what it says; where none has it, the coordinator.
function isElsewhere(account: JetStreamAccount, name: string): boolean {
  const peers = account.js.cluster?.peers;
  if (peers === undefined || account.streams.has(name)) return false;
  return peers.holder(account.account.name, name) !== undefined || peers.coordinator !== "own";
}

// Whether anything was done.
function reconcileStream(account: JetStreamAccount, { stream, config }: Declared): boolean {
  const known = account.streams.get(stream);
  if (known === undefined) {
    ask(account, STREAM_ROUTES, "STREAM.CREATE.*", [stream], { name: stream, ...config });
    return true;
  }
  const before = writeFields(known.config, STREAM_FIELDS);
  const wanted = merged(before, config);
  if (isSame(wanted, before, STREAM_FIELDS)) return false;
  ask(account, STREAM_ROUTES, "STREAM.UPDATE.*", [stream], wanted);
  return true;
}

function reconcileConsumer(
  account: JetStreamAccount,
  stream: string,
  name: string,
  config: Readonly<Record<string, unknown>>,
): boolean {
  const known = account.streams.get(stream)?.consumers.get(name);
  const before = known === undefined ? {} : writeFields(known.config, CONSUMER_FIELDS);
  const wanted = merged(before, { ...config, name });
  if (isSame(wanted, before, CONSUMER_FIELDS)) return false;
  ask(account, CONSUMER_ROUTES, "CONSUMER.CREATE.*.*", [stream, name], { stream_name: stream, config: wanted });
  return true;
}

function merged(before: Record<string, unknown>, config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { metadata, ...rest } = config;
  const result = { ...before, ...rest };
  if (metadata !== undefined) result["metadata"] = { ...(before["metadata"] as object), ...(metadata as object) };
  return result;
}

function isSame(wanted: object, before: object, fields: Fields): boolean {
  const text = (config: object): string => stringifyExact(writeFields(readFields(config, fields, false), fields));
  return text(wanted) === text(before);
}

// What a client's request would do, with its checks, advisories and errors.
function ask(
  account: JetStreamAccount,
  routes: readonly ApiRoute[],
  subject: string,
  names: readonly string[],
  content: object,
): void {
  const route = routes.find((one) => one.subject === subject) as ApiRoute;
  const payload = Buffer.from(stringifyExact(content));
  const request: ApiRequest = {
    js: account.js,
    account,
    names,
    payload,
    strict: true,
    reply: "",
    source: undefined,
    ticket: 0,
  };
  route.handle(request);
}
