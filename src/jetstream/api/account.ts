// The API of an account as a whole: what it uses, and which streams it has, on all servers of this JetStream.
import { subjectsOverlap } from "../../subjects/validity.js";
import { type Fields, field, readRequest } from "../fields.js";
import { accountInfo, accountUsage, streamInfo } from "../info.js";
import { listElsewhere, type StreamElsewhere, usageElsewhere } from "../peers/whole-account.js";
import type { StreamConfig } from "../streams/stream-config.js";
import type { ApiRequest, ApiRoute } from "./api.js";

const NAMES_LIMIT = 1024;
const LIST_LIMIT = 256;
const EMPTY_PAGE = { total: 0, offset: 0, limit: 0 };
const PAGE: Fields = { offset: field("int"), subject: field("text") };

interface Page {
  readonly total: number;
  readonly offset: number;
  readonly limit: number;
}

function info({ account, js }: ApiRequest): object | Promise<object> {
  const used = accountUsage(account);
  const { apiTotal: total, apiErrors: errors } = account;
  const elsewhere = js.cluster && usageElsewhere(js.cluster, account.account.name);
  if (elsewhere === undefined) return accountInfo(account, used, { total, errors });
  return elsewhere.then((others) => {
    const requests = { total, errors };
    for (const { usage, api } of others) {
      for (const name of Object.keys(used) as (keyof typeof used)[]) used[name] += usage[name];
      requests.total += api.total;
      requests.errors += api.errors;
    }
    return accountInfo(account, used, requests);
  });
}

// Where the streams of one page are: here, or elsewhere.
function paged(
  { account, payload, strict, js }: ApiRequest,
  limit: number,
): { page: Page; streams: [string, StreamElsewhere | undefined][] } {
  const asked =
    payload.length === 0
      ? { offset: 0, subject: "" }
      : readRequest<{ offset: number; subject: string }>(payload, PAGE, strict);
  const isAsked = ({ subjects = [] }: StreamConfig): boolean =>
    asked.subject === "" || subjects.some((one) => subjectsOverlap(one, asked.subject));
  const all = new Map<string, StreamElsewhere | undefined>();
  for (const [name, elsewhere] of js.cluster?.peers.streams(account.account.name) ?? []) {
    if (isAsked(elsewhere.stream.config)) all.set(name, elsewhere);
  }
  for (const { name, config } of account.streams.values()) {
    if (js.cluster?.peers.isOwn(account, name) === false) continue;
    if (isAsked(config)) all.set(name, undefined);
    else all.delete(name);
  }
  const offset = Math.min(Math.max(0, asked.offset), all.size);
  const streams = [...all].sort(([a], [b]) => (a < b ? -1 : 1)).slice(offset, offset + limit);
  return { page: { total: all.size, offset, limit }, streams };
}

function names(request: ApiRequest): object {
  const { page, streams } = paged(request, NAMES_LIMIT);
  return { ...page, streams: streams.length === 0 ? null : streams.map(([name]) => name) };
}

function list(request: ApiRequest): object | Promise<object> {
  const { account, js } = request;
  const { page, streams } = paged(request, LIST_LIMIT);
  const here = (name: string): object => streamInfo(account.stream(name), false);
  const { cluster } = js;
  if (cluster === undefined || streams.every(([, elsewhere]) => elsewhere === undefined)) {
    return { ...page, streams: streams.map(([name]) => here(name)) };
  }
  const elsewhere = streams.flatMap(([, one]) => one ?? []);
  return listElsewhere(cluster, account.account.name, elsewhere).then(({ infos, missing }) => ({
    ...page,
    streams: streams.flatMap(([name]) => infos.get(name) ?? (account.streams.has(name) ? [here(name)] : [])),
    missing: missing.length === 0 ? undefined : missing,
  }));
}

export const ACCOUNT_ROUTES: readonly ApiRoute[] = [
  { subject: "INFO", type: "account_info_response", scope: "account", handle: info },
  {
    subject: "STREAM.NAMES",
    type: "stream_names_response",
    onError: { ...EMPTY_PAGE, streams: null },
    scope: "account",
    handle: names,
  },
  {
    subject: "STREAM.LIST",
    type: "stream_list_response",
    onError: { ...EMPTY_PAGE, streams: [] },
    scope: "account",
    handle: list,
  },
];
