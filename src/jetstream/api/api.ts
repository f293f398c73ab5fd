// The API: which request is whose, how it is read, answered, counted and audited (ADR-1; conformance/jetstream, FACTS "API
// subjects"). One file per family of requests holds what they do.

import type { Account } from "../../accounts/account.js";
import type { Message } from "../../accounts/message.js";
import { type DeliveryTarget, Subscription } from "../../accounts/subscription.js";
import { bytesAsText, stringifyExact } from "../../protocol/json.js";
import { requestInfo } from "../../server/clients/request-info.js";
import { ApiError, asApiError } from "../errors.js";
import type { JetStream } from "../jetstream.js";
import type { JetStreamAccount } from "../js-account.js";
import { StoreError } from "../store/errors.js";
import { MessageHeaders, statusBlock } from "../streams/publish-headers.js";
import type { ApiScope, Asked, AskedDirectly } from "./answering.js";
import { ApiEntrance } from "./entrance.js";
import { Routes } from "./routes.js";

const PREFIX = "$JS.API.";
const TYPE = "io.nats.jetstream.api.v1.";
/** So long a disk that is full may take to have room for what makes room. */
const ROOM_MS = 1000;
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
  /** What it is about; default: a stream that is there. */
  readonly scope?: ApiScope;
  /** It removes something: a full disk has room for its entry soon. */
  readonly makesRoom?: boolean;
  handle(request: ApiRequest): ApiAnswer | Promise<ApiAnswer>;
}

/** A request whose answers are messages. */
export class DirectRequest {
  readonly js: JetStream;
  readonly account: JetStreamAccount;
  /** The tokens that the route's wildcards matched, as text. */
  readonly names: readonly string[];
  /** The request itself; only during the call. */
  readonly message: Message;
  readonly reply: string;
  readonly #isTooOld: boolean;

  constructor(js: JetStream, account: JetStreamAccount, names: readonly string[], message: Message, isTooOld: boolean) {
    this.js = js;
    this.#isTooOld = isTooOld;
    this.account = account;
    this.names = names;
    this.message = message;
    this.reply = message.hasReply ? message.reply : "";
  }

  /** Whether it wants a server that knows more than this one; it was told so. For who would answer it. */
  refusesLevel(): boolean {
    if (this.#isTooOld) {
      this.js.send(this.account.account, this.reply, NO_BYTES, statusBlock("412 Required Api Level"));
    }
    return this.#isTooOld;
  }

  /** A view, only during the call. */
  get headerBlock(): Uint8Array {
    const { body, start, headerBytes } = this.message;
    return body.subarray(start, start + headerBytes);
  }

  /** Without headers; a view, only during the call. */
  get payload(): Buffer {
    const { body, start, headerBytes, end } = this.message;
    return body.subarray(start + headerBytes, end);
  }
}

/** Nobody is there for a direct request when the handler says false. */
export interface DirectRoute {
  readonly subject: string;
  handle(request: DirectRequest): boolean;
}

/** Throws ApiError 10038 for a request with a payload. */
export function wantEmpty({ payload }: ApiRequest): void {
  if (payload.length > 0 && payload.toString("latin1") !== "{}") throw new ApiError("notEmptyRequest");
}

/** Says which of several servers that hear a request answers it. */
export interface Admission {
  /** An account is served from now on. */
  serves(account: Account): void;
  /** Lets `run` handle the request, now or later, or leaves it to another server. */
  admit(asked: Asked, run: () => void): void;
  /** Whether a direct request is to be handled here; otherwise it is done with. */
  admitDirect(asked: AskedDirectly, request: DirectRequest): boolean;
  /** Nobody is there for a direct request that was to be handled here. */
  nobody(asked: AskedDirectly, reply: string): void;
  /** Calls back when the others know what this server has changed. */
  whenTold(done: () => void): void;
}

/** Serves the API in accounts; in those without JetStream every request is refused. */
export class Api {
  readonly #js: JetStream;
  readonly #routes: Routes<ApiRoute>;
  readonly #direct: Routes<DirectRoute>;
  readonly #subscriptions = new Map<Account, Subscription[]>();
  // For the prefix of the API, and for that of the domain.
  readonly #known = [new Map<string, string>(), new Map<string, string>()];
  /** Undefined for a server that is alone. */
  admission: Admission | undefined;

  constructor(js: JetStream, routes: readonly ApiRoute[], direct: readonly DirectRoute[]) {
    this.#js = js;
    this.#routes = new Routes(routes);
    this.#direct = new Routes(direct);
  }

  /** Begins to serve an account. */
  serve(account: Account): void {
    if (this.#subscriptions.has(account)) return;
    const { domain, server } = this.#js;
    if (domain !== undefined) account.aliases.set(`$JS.${domain}.API.`, PREFIX);
    const subjects = [`${PREFIX}>`, ...(domain === undefined ? [] : [`$JS.${domain}.API.>`])];
    const subscriptions = subjects.map((subject, at) => {
      const target = new ApiEntrance(this, server.router, account, subject.length - 1, this.#known[at]);
      return new Subscription(subject, undefined, subject, target);
    });
    this.#subscriptions.set(account, subscriptions);
    for (const subscription of subscriptions) account.subscribe(subscription);
    this.admission?.serves(account);
  }

  close(): void {
    for (const [account, subscriptions] of this.#subscriptions) {
      account.aliases.clear();
      for (const subscription of subscriptions) account.unsubscribe(subscription);
    }
    this.#subscriptions.clear();
  }

  /** A request in an account; `rest` is what follows the prefix of its subject. */
  handle(account: Account, rest: string, message: Message, source: DeliveryTarget | undefined): boolean {
    const opened = this.#js.accounts.get(account);
    const headers = message.headerBytes === 0 ? undefined : MessageHeaders.in(message.headerText);
    const isTooOld = headers?.asksTooMuch === true;
    const direct = this.#direct.find(rest);
    if (direct !== undefined) {
      if (opened === undefined) return false;
      const { names, route } = direct;
      const request = new DirectRequest(this.#js, opened, names, message, isTooOld);
      if (this.admission !== undefined) {
        const asked = { account, opened, rest, stream: names[0], domain: this.#domainOf(message), source };
        const isAdmitted = this.admission.admitDirect(asked, request);
        // Other servers have got it, too, so that its client hears of nothing else.
        if (isAdmitted && !route.handle(request)) this.admission.nobody(asked, request.reply);
        return true;
      }
      return route.handle(request);
    }
    const reply = message.hasReply ? message.reply : "";
    const found = this.#routes.find(rest);
    if (found === undefined || reply === "") return true;
    const { body, start, headerBytes, end } = message;
    const payload = Buffer.from(body.subarray(start + headerBytes, end));
    const { route, names } = found;
    const call: Call = { account, route, reply, subject: message.subject, payload, source, opened, headers };
    if (this.admission === undefined) this.#call(call, names, isTooOld);
    else {
      const { scope = "stream" } = route;
      const headerBlock = headerBytes === 0 ? NO_BYTES : Buffer.from(body.subarray(start, start + headerBytes));
      const domain = this.#domainOf(message);
      const asked = { ...call, headerBlock, isTooOld, scope, rest, stream: names[0] ?? "", domain };
      this.admission.admit(asked, () => this.#call(call, names, isTooOld));
    }
    return true;
  }

  // The domain that a request was addressed to, if it was to one.
  #domainOf({ subject }: Message): string | undefined {
    return subject.startsWith(PREFIX) ? undefined : this.#js.domain;
  }

  #call(call: Call, names: readonly string[], isTooOld: boolean): void {
    const { opened, payload, source, reply, route, headers } = call;
    if (opened === undefined || isTooOld) {
      this.#refuse(call, new ApiError(isTooOld ? "requiredLevel" : "notEnabledForAccount"));
      return;
    }
    const { strict } = this.#js.options;
    const js = this.#js;
    const request: ApiRequest = { js, account: opened, names, payload, strict, reply, source, headers, ticket: 0 };
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
  }

  /** Handles a request that another server has taken, and hands over the answer to it. */
  perform({ account, rest, payload }: Pick<Asked, "account" | "rest" | "payload">, done: (text: string) => void): void {
    const found = this.#routes.find(rest);
    if (found === undefined) {
      done(this.refusal({ rest }, new ApiError("badRequest")));
      return;
    }
    const { route, names } = found;
    const opened = this.#js.accounts.get(account);
    const subject = PREFIX + rest;
    const call = { account, route, reply: "", subject, payload, source: undefined, opened, headers: undefined, done };
    this.#call(call, names, false);
  }

  /** Sends an answer that another server has made. */
  respond(asked: Asked, text: string): void {
    const route = this.#routes.find(asked.rest)?.route;
    if (route !== undefined) this.#sendText({ ...asked, route, headers: undefined }, text);
  }

  /** What a request is refused with. */
  refusal({ rest }: Pick<Asked, "rest">, error: ApiError): string {
    const route = this.#routes.find(rest)?.route;
    return stringifyExact({ type: TYPE + (route?.type ?? ""), error: error.toJSON(), ...route?.onError });
  }

  #answer(call: Call, { ticket, answerHeaders }: ApiRequest, answer: ApiAnswer): void {
    if (answer === undefined) return;
    const type = TYPE + call.route.type;
    this.#whenDurable(ticket, call.route.makesRoom === true, (error) => {
      if (error !== undefined) this.#refuse(call, error);
      else if (this.admission === undefined) this.#send(call, { type, ...answer }, answerHeaders);
      else this.admission.whenTold(() => this.#send(call, { type, ...answer }, answerHeaders));
    });
    if (call.opened !== undefined) call.opened.apiTotal++;
  }

  #whenDurable(ticket: number, makesRoom: boolean, done: (error?: Error) => void): void {
    const js = this.#js;
    js.whenDurable(ticket, (error) => {
      const isFull = error instanceof StoreError && error.code === "STORE_FULL";
      if (!makesRoom || !isFull) done(error);
      else js.after(ROOM_MS, () => done(ticket <= js.storage.commits.durable ? undefined : error));
    });
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
    this.#sendText(call, stringifyExact(answer), headers);
  }

  #sendText(call: Call, text: string, headers?: Uint8Array): void {
    if (call.done !== undefined) {
      call.done(text);
      return;
    }
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
  readonly headers: MessageHeaders | undefined;
  /** Takes the answer instead of the requester. */
  readonly done?: (text: string) => void;
}
