// Requests to the server over the system account, `$SYS.REQ.>`: the envelope of the answers, filters, errors
// (https://docs.nats.io/running-a-nats-service/configuration/sys_accounts).
import { stringifyExact } from "../protocol/json.js";
import type { Server } from "../server/server.js";
import { encodeFor } from "./encoding.js";
import { BodyError, type Fields, type FieldTypes, readFields } from "./fields.js";
import type { SystemPublisher } from "./publisher.js";
import type { ServiceHandler, ServiceMessage } from "./services.js";

/** What a request may say to reach only some servers. */
export const FILTER_FIELDS = {
  server_name: "string",
  cluster: "string",
  host: "string",
  exact_match: "boolean",
  tags: "strings",
  domain: "string",
} as const;

/** What a request gets that this server does not answer. */
export const NO_ANSWER = Symbol("no answer");

/** Gives the data of the answer; undefined for none. What it throws goes to the requester. */
export type Answer<S> = (options: Fields<S>, message: ServiceMessage) => Promise<object | undefined | typeof NO_ANSWER>;

const BAD_REQUEST = 400;
const INTERNAL_ERROR = 500;

/**
 * A handler for requests whose body may hold these fields. `hasData`: the answer has data, null in case of an error.
 */
export function answering<const S extends FieldTypes>(
  server: Server,
  publisher: SystemPublisher,
  types: S,
  answer: Answer<S>,
  hasData = true,
): ServiceHandler {
  return async (message) => {
    if (message.reply === "") return;
    let options: Fields<S>;
    try {
      const fields = readFields(message.payload, { ...FILTER_FIELDS, ...types });
      if (isForOthers(server, fields as Fields<typeof FILTER_FIELDS>)) return;
      options = fields as Fields<S>;
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      send(publisher, message, { error: { code: BAD_REQUEST, description: error.message } });
      return;
    }
    try {
      const data = await answer(options, message);
      if (data !== NO_ANSWER) send(publisher, message, { data });
    } catch (error) {
      const failure = { code: INTERNAL_ERROR, description: error instanceof Error ? error.message : String(error) };
      send(publisher, message, { data: hasData ? null : undefined, error: failure });
    }
  };
}

function send(
  publisher: SystemPublisher,
  { reply, headers }: ServiceMessage,
  content: { data?: unknown; error?: object },
): void {
  const payload = Buffer.from(stringifyExact({ server: publisher.serverInfo(), ...content }));
  const encoded = content.error === undefined ? encodeFor(headers, payload) : { headers: undefined, payload };
  publisher.send(reply, encoded.payload, encoded.headers);
}

/** Whether a request's filters leave this server out. */
export function isForOthers(server: Server, filter: Fields<typeof FILTER_FIELDS>): boolean {
  const fits = (wanted: string | undefined, own: string): boolean =>
    !wanted || (filter.exact_match ? own === wanted : own.includes(wanted));
  const { options } = server;
  return !(
    fits(filter.server_name, server.name) &&
    fits(filter.host, server.advertised.host) &&
    fits(filter.cluster, server.clusterName ?? "") &&
    (filter.tags ?? []).every(
      (tag) => options.serverTags.includes(tag.toLowerCase()) || options.serverTags.includes(tag),
    ) &&
    (!filter.domain || options.jetstream?.domain === filter.domain)
  );
}
