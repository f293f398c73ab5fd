// The API of snapshots: a stream is sent away as an archive, and made of one.

import { requestInfo } from "../../server/clients/request-info.js";
import { isLiteral, isValidSubject } from "../../subjects/validity.js";
import { Restore } from "../archives/restore.js";
import { Snapshot } from "../archives/snapshot.js";
import { ApiError, asApiError } from "../errors.js";
import { type Fields, field, readRequest } from "../fields.js";
import { streamInfo, streamState } from "../info.js";
import { isUsableSubject, wireSubject } from "../names.js";
import { checkSizes, checkStream, checkStreamName } from "../streams/stream-checks.js";
import { STREAM_FIELDS, type StreamConfig, shownStream, withStreamDefaults } from "../streams/stream-config.js";
import { timeText } from "../time.js";
import type { ApiRequest, ApiRoute } from "./api.js";

const DEFAULT_CHUNK_BYTES = 128 * 1024;
const MIN_CHUNK_BYTES = 1024;
const MAX_CHUNK_BYTES = 1024 * 1024;
const SNAPSHOT: Fields = {
  deliver_subject: field("text"),
  no_consumers: field("flag"),
  chunk_size: field("int"),
  window_size: field("int"),
  jsck: field("flag"),
};
const RESTORE: Fields = { config: field({ object: STREAM_FIELDS }), state: field("any") };

interface SnapshotRequest {
  deliver_subject: string;
  no_consumers: boolean;
  chunk_size: number;
}

function snapshot(request: ApiRequest): object {
  const { account, names, payload, strict, js } = request;
  if (/^\s*(?:\{\s*\})?\s*$/.test(payload.toString("latin1"))) throw new ApiError("badRequest");
  const stream = account.stream(names[0]);
  const asked = readRequest<SnapshotRequest>(payload, SNAPSHOT, strict);
  const { deliver_subject: subject, chunk_size: chunk } = asked;
  if (!isUsableSubject(subject) || !isValidSubject(subject) || !isLiteral(subject)) {
    throw new ApiError("deliverSubject");
  }
  const state = streamState(stream);
  const who = { client: clientOf(request) };
  const startNs = js.nowNs;
  js.advise(account.account, `STREAM.SNAPSHOT_CREATE.${stream.wireName}`, "snapshot_create", {
    stream: stream.name,
    state,
    ...who,
  });
  const snapshot = new Snapshot(stream, {
    deliverSubject: wireSubject(subject),
    chunkBytes: chunk > 0 ? Math.min(Math.max(chunk, MIN_CHUNK_BYTES), MAX_CHUNK_BYTES) : DEFAULT_CHUNK_BYTES,
    withConsumers: !asked.no_consumers,
  });
  const complete = (): void =>
    js.advise(account.account, `STREAM.SNAPSHOT_COMPLETE.${stream.wireName}`, "snapshot_complete", {
      stream: stream.name,
      start: timeText(startNs),
      end: timeText(js.nowNs),
      ...who,
    });
  // After the answer.
  js.after(0, () => {
    snapshot.run().then(
      (isTaken) => isTaken && complete(),
      (error: unknown) => js.server.logger.error(`Snapshot of stream ${stream.name}: ${String(error)}`),
    );
  });
  return { config: shownStream(stream.config, false), state };
}

function clientOf({ source, account, js }: ApiRequest): object | undefined {
  const { server } = js;
  return requestInfo(source, account.account, true, { server: server.name, cluster: server.clusterName });
}

function restore(request: ApiRequest): object {
  const { account, names, payload, strict, js } = request;
  if (payload.length === 0) throw new ApiError("badRequest");
  const { config } = readRequest<{ config?: StreamConfig }>(payload, RESTORE, strict);
  if (config === undefined) throw new ApiError("badRequest");
  if (config.name !== names[0]) throw new ApiError("streamMismatch");
  withStreamDefaults(config, false, account.windowLimitNs);
  checkStreamName(config.name);
  checkSizes(config);
  checkStream(config, account, false, false);
  account.checkAllowed(config);
  if (account.streams.has(config.name) || account.isHeld(config.name)) throw new ApiError("restoreNameInUse");
  const who = { client: clientOf(request) };
  const startNs = js.nowNs;
  const { name } = config;
  const wireName = wireSubject(name);
  js.advise(account.account, `STREAM.RESTORE_CREATE.${wireName}`, "restore_create", { stream: name, ...who });
  const restore = new Restore(account, config, (restored, reply) => {
    const answer = (body: object): void => {
      if (reply !== "") js.sendJson(account.account, reply, { type: CREATED, ...body });
    };
    if (restored instanceof ApiError) answer({ error: restored.toJSON() });
    else {
      const { stream, ticket } = restored;
      const info = streamInfo(stream, true);
      js.advise(account.account, `STREAM.CREATED.${wireName}`, "stream_action", { stream: name, action: "create" });
      js.whenDurable(ticket, (error) => answer(error === undefined ? info : { error: asApiError(error)?.toJSON() }));
    }
    js.advise(account.account, `STREAM.RESTORE_COMPLETE.${wireName}`, "restore_complete", {
      stream: name,
      start: timeText(startNs),
      end: timeText(js.nowNs),
      bytes: restore.bytes,
      ...who,
    });
  });
  return { deliver_subject: restore.subject };
}

const CREATED = "io.nats.jetstream.api.v1.stream_create_response";

export const SNAPSHOT_ROUTES: readonly ApiRoute[] = [
  { subject: "STREAM.SNAPSHOT.*", type: "stream_snapshot_response", handle: snapshot },
  {
    subject: "STREAM.RESTORE.*",
    scope: "create",
    type: "stream_restore_response",
    onError: { deliver_subject: "" },
    handle: restore,
  },
];
