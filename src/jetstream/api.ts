// The API: which request is whose, how it is read, answered, counted and audited (ADR-1; conformance/jetstream, FACTS "API
// subjects"). One file per family of requests holds what they do.

import type { Account } from "../accounts/account.js";
import type { Message } from "../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../accounts/subscription.js";
import { bytesAsText, stringifyExact } from "../protocol/json.js";
import { API_LEVEL } from "../protocol/version.js";
import { requestInfo } from "../server/request-info.js";
import { ApiError } from "./errors.js";
import type { JetStream } from "./jetstream.js";
import type { JetStreamAccount } from "./js-account.js";
import { Header, MessageHeaders, statusBlock } from "./publish-headers.js";
import { StoreError } from "./store/errors.js";
import { asApiError } from "./stream.js";

const PREFIX = "$JS.API.";
/** Those of requests that are remembered with what they mean. */
const KNOWN_SUBJECTS = 1024;
const TYPE = "io.nats.jetstream.api.v1.";
const NO_BYTES = Buffer.alloc(0);

/** A request on its way through a handler. */
export interface ApiRequest {
  readonly js: JetStream;
  readonly account: JetStreamAccount;
  /** The tokens that the route's wildcards matched, as text. */
  readonly names: readonly string[];
  readonly payload: Buffer;
  readonly strict: boolean;
  readonly reply: string;
  /** Who asks. */
  readonly source: DeliveryTarget | undefined;
  /** Of the request. */
  readonly headers?: MessageHeaders | undefined;
  /** The header block of the answer; handlers set it. */
  answerHeaders?: Uint8Array;
  /** The answer is sent when this is durable; handlers raise it. */
  ticket: number;
}

/** An answer without its type; undefined when the handler answers itself. */
export type ApiAnswer = object | undefined;

export interface ApiRoute {
  /** Below `$JS.API.`; may have wildcards. */
  readonly subject: string;
  /** What follows the version in the answer's type; "" for requests that are not answered with JSON. */
  readonly type: string;
  /** Fields that an error answer has, too. */
  readonly onError?: object;
  handle(request: ApiRequest): ApiAnswer | Promise<ApiAnswer>;
}

/** A request whose answers are messages: nobody is there for it when the handler says false. */
export interface DirectRoute {
  readonly subject: string;
  handle(request: ApiRequest): boolean;
}

/** Throws ApiError 10038 for a request with a payload. */
export function wantEmpty({ payload }: ApiRequest): void {
  if (payload.length > 0 && payload.toString("latin1") !== "{}") throw new ApiError("notEmptyRequest");
}

interface Matched<R> {
  readonly route: R;
  readonly names: readonly string[];
}

class Routes<R extends { readonly subject: string }> {
  // By the literal tokens that a subject begins with.
  readonly #routes: { tokens: string[]; route: R }[];
  // Subjects come again.
  readonly #known = new Map<string, Matched<R>>();

  constructor(routes: readonly R[]) {
    this.#routes = routes.map((route) => ({ tokens: route.subject.split("."), route }));
  }

  /** The route for what follows the prefix of a subject. */
  find(rest: string): Matched<R> | undefined {
    const known = this.#known.get(rest);
    if (known !== undefined) return known;
    const tokens = rest.split(".");
    for (const { tokens: wanted, route } of this.#routes) {
      const names = match(tokens, wanted);
      if (names === undefined) continue;
      const matched = { route, names };
      if (this.#known.size >= KNOWN_SUBJECTS) this.#known.clear();
      this.#known.set(rest, matched);
      return matched;
    }
    return undefined;
  }
}

function match(tokens: readonly string[], wanted: readonly string[]): string[] | undefined {
  const names: string[] = [];
  for (let at = 0; at < wanted.length; at++) {
    if (wanted[at] === ">") {
      if (at >= tokens.length) return undefined;
      names.push(bytesAsText(tokens.slice(at).join(".")));
      return names;
    }
    if (at >= tokens.length || tokens[at] === "") return undefined;
    if (wanted[at] === "*") names.push(bytesAsText(tokens[at]));
    else if (wanted[at] !== tokens[at]) return undefined;
  }
  return tokens.length === wanted.length ? names : undefined;
}

/** Serves the API in accounts; in those without JetStream every request is refused. */
export class Api implements DeliveryTarget {
  readonly echo = true;
  readonly #js: JetStream;
  readonly #routes: Routes<ApiRoute>;
  readonly #direct: Routes<DirectRoute>;
  readonly #subscriptions = new Map<Account, Subscription[]>();

  constructor(js: JetStream, routes: readonly ApiRoute[], direct: readonly DirectRoute[]) {
    this.#js = js;
    this.#routes = new Routes(routes);
    this.#direct = new Routes(direct);
  }

  /** Begins to serve an account. */
  serve(account: Account): void {
    if (this.#subscriptions.has(account)) return;
    const { domain } = this.#js;
    const subjects = [`${PREFIX}>`, ...(domain === undefined ? [] : [`$JS.${domain}.API.>`])];
    const subscriptions = subjects.map((subject) => new Subscription(subject, undefined, subject, this));
    this.#subscriptions.set(account, subscriptions);
    for (const subscription of subscriptions) account.subscribe(subscription);
    this.#accountOf.set(subscriptions[0], account);
    if (subscriptions.length > 1) this.#accountOf.set(subscriptions[1], account);
  }

  readonly #accountOf = new WeakMap<Subscription, Account>();

  close(): void {
    for (const [account, subscriptions] of this.#subscriptions) {
      for (const subscription of subscriptions) account.unsubscribe(subscription);
    }
    this.#subscriptions.clear();
  }

  deliver(subscription: Subscription, message: Message, source: DeliveryTarget | undefined): boolean {
    const account = this.#accountOf.get(subscription);
    if (account === undefined) return false;
    const rest = message.subject.slice(subscription.subject.length - 1);
    // The domain's prefix leads to buckets as well.
    if (rest.startsWith("$KV.") || rest.startsWith("$O.")) {
      return this.#js.server.router.publish(account, message.readdressed(rest), source) > 0;
    }
    if (rest.includes("..") || rest.endsWith(".")) return false;
    return this.#handle(account, rest, message, source);
  }

  #handle(account: Account, rest: string, message: Message, source: DeliveryTarget | undefined): boolean {
    const opened = this.#js.accounts.get(account);
    const direct = this.#direct.find(rest);
    const reply = message.hasReply ? message.reply : "";
    const payload = Buffer.from(message.body.subarray(message.start + message.headerBytes, message.end));
    const strict = this.#js.options.strict;
    const headers = message.headerBytes === 0 ? undefined : MessageHeaders.in(message.headerText);
    const isTooOld = !knowsLevel(headers?.get(Header.requiredLevel));
    if (direct !== undefined) {
      if (opened === undefined) return false;
      if (isTooOld) {
        this.#js.send(account, reply, NO_BYTES, statusBlock("412 Required Api Level"));
        return true;
      }
      const { names, route } = direct;
      return route.handle({ js: this.#js, account: opened, names, payload, strict: false, reply, source, ticket: 0 });
    }
    const found = this.#routes.find(rest);
    if (found === undefined || reply === "") return true;
    const { route, names } = found;
    const call: Call = { account, route, reply, subject: message.subject, payload, source, opened };
    if (opened === undefined || isTooOld) {
      this.#refuse(call, new ApiError(isTooOld ? "requiredLevel" : "notEnabledForAccount"));
      return true;
    }
    const request: ApiRequest = {
      js: this.#js,
      account: opened,
      names,
      payload,
      strict,
      reply,
      source,
      headers,
      ticket: 0,
    };
    try {
      const answer = route.handle(request);
      if (answer instanceof Promise) {
        answer.then(
          (later) => this.#answer(call, request, later),
          (error: unknown) => this.#refuse(call, error),
        );
      } else this.#answer(call, request, answer);
    } catch (error) {
      this.#refuse(call, error);
    }
    return true;
  }

  #answer(call: Call, { ticket, answerHeaders }: ApiRequest, answer: ApiAnswer): void {
    if (answer === undefined) return;
    const type = TYPE + call.route.type;
    this.#js.whenDurable(ticket, (error) => {
      if (error !== undefined) this.#refuse(call, error);
      else this.#send(call, { type, ...answer }, answerHeaders);
    });
    if (call.opened !== undefined) call.opened.apiTotal++;
  }

  #refuse(call: Call, error: unknown): void {
    const refusal = asApiError(error) ?? new ApiError("storeFailed", { text: (error as Error).message });
    if (!(error instanceof ApiError) && !(error instanceof StoreError)) {
      this.#js.server.logger.error(`JetStream API ${call.subject}: ${(error as Error).stack ?? String(error)}`);
    }
    if (call.opened !== undefined) {
      call.opened.apiTotal++;
      call.opened.apiErrors++;
    }
    this.#send(call, { type: TYPE + call.route.type, error: refusal.toJSON(), ...call.route.onError });
  }

  #send(call: Call, answer: object, headers?: Uint8Array): void {
    const text = stringifyExact(answer);
    this.#js.send(call.account, call.reply, Buffer.from(text), headers);
    this.#audit(call, text);
  }

  #audit({ account, subject, payload, source }: Call, response: string): void {
    if (!account.sublist.hasInterest("$JS.EVENT.ADVISORY.API")) return;
    const { server } = this.#js;
    const client = requestInfo(source, account, true, { server: server.name, cluster: server.clusterName });
    this.#js.advise(account, "API", "api_audit", {
      server: server.name,
      client,
      subject: bytesAsText(subject),
      request: payload.length === 0 ? undefined : payload.toString("utf8"),
      response,
    });
  }
}

interface Call {
  readonly account: Account;
  readonly route: ApiRoute;
  readonly reply: string;
  readonly subject: string;
  readonly payload: Buffer;
  readonly source: DeliveryTarget | undefined;
  readonly opened: JetStreamAccount | undefined;
}

function knowsLevel(text: string | undefined): boolean {
  return text === undefined || (/^\d+$/.test(text) && Number(text) <= API_LEVEL);
}
