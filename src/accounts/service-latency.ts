// How long a service takes to answer: which requests are measured, and what is told of each to the account that offers
// the service (ADR-3).

import { isSampledTraceParent, readHeaders } from "../protocol/header-block.js";
import { bytesAsText } from "../protocol/json.js";
import { formatNs } from "../protocol/rfc3339.js";
import type { Clock } from "../runtime/clock.js";
import type { Random } from "../runtime/random.js";
import { hasBlank, isSubsetOf, isValidLiteral } from "../subjects/validity.js";
import type { Account } from "./account.js";
import type { Message } from "./message.js";
import type { DeliveryTarget } from "./subscription.js";

const NS_PER_MS = 1e6;

export interface ServiceLatency {
  /** Where the measurements go, in the account of the service; latin1. */
  readonly subject: string;
  /** Percent of the requests; 0: those that are sampled by a trace, as their headers say. */
  readonly sampling: number;
}

/** Who asked or answered, for a measurement. */
export interface ClientFacts {
  readonly rttMs: number;
  readonly info: object;
}

/** What measuring needs of the server. */
export interface LatencyWorld {
  readonly clock: Clock;
  readonly random: Random;
  /** Undefined for the server itself. `detailed`: all that is known, otherwise account and round trip. */
  clientFacts?(source: DeliveryTarget | undefined, detailed: boolean): ClientFacts | undefined;
  /** Publishes a measurement. Without it nothing is measured. */
  sendMeasurement?(account: Account, subject: string, measurement: object): void;
}

/** Why a request was not answered. */
export type LatencyFailure = keyof typeof FAILURES;

const FAILURES = {
  noReply: { status: 400, description: "Bad Request" },
  requesterGone: { status: 408, description: "Request Timeout" },
  noResponder: { status: 503, description: "Service Unavailable" },
  tooLate: { status: 504, description: "Service Timeout" },
} as const;

/** Why a service cannot be measured so; undefined if it can. */
export function latencyFault(
  { subject, sampling }: ServiceLatency,
  responseType: string,
  services: readonly (string | undefined)[],
): string | undefined {
  if (!(sampling >= 0 && sampling <= 100)) return "bad sampling percentage, should be 1-100";
  const isService = services.some((service) => service !== undefined && isSubsetOf(subject, service));
  if (!isValidLiteral(subject) || hasBlank(subject) || isService) return "invalid publish subject";
  return responseType === "Singleton" ? undefined : "bad service response type";
}

/** One request that is measured. The first that is told of its end counts. */
export class LatencyMeasurement {
  readonly #exporter: Account;
  readonly #subject: string;
  readonly #source: DeliveryTarget | undefined;
  readonly #detailed: boolean;
  readonly #headers: SampledHeaders;
  readonly #world: LatencyWorld;
  readonly #sinceMs: number;
  readonly #sinceNs: bigint;
  #isDone = false;

  private constructor(
    { exporter, latency, source, detailed }: MeasuredRequest,
    headers: SampledHeaders,
    world: LatencyWorld,
  ) {
    this.#exporter = exporter;
    this.#subject = latency.subject;
    this.#source = source;
    this.#detailed = detailed;
    this.#headers = headers;
    this.#world = world;
    this.#sinceMs = world.clock.monotonicMs();
    this.#sinceNs = world.clock.nowNs();
  }

  /** Begins with the request; undefined if this one is not measured. */
  static begin(request: MeasuredRequest, message: Message, world: LatencyWorld): LatencyMeasurement | undefined {
    if (world.sendMeasurement === undefined) return undefined;
    const headers = sampledBy(request.latency.sampling, message, world.random);
    return headers && new LatencyMeasurement(request, headers, world);
  }

  answered(responder: DeliveryTarget | undefined): void {
    const nowMs = this.#world.clock.monotonicMs();
    const service = nowMs - this.#sinceMs;
    const facts = this.#world.clientFacts?.(responder, true);
    this.#send({ status: 200 }, facts, (requesterRttMs) => {
      const system = facts !== undefined && facts.rttMs > 0 ? this.#world.clock.monotonicMs() - nowMs : 0;
      return {
        service: nanoseconds(Math.max(0, service - (facts?.rttMs ?? 0))),
        system: nanoseconds(system),
        total: nanoseconds(requesterRttMs + service + system),
      };
    });
  }

  failed(failure: LatencyFailure): void {
    this.#send(FAILURES[failure], undefined, () => ({ service: 0, system: 0, total: 0 }));
  }

  #send(outcome: object, responder: ClientFacts | undefined, durations: (requesterRttMs: number) => object): void {
    if (this.#isDone) return;
    this.#isDone = true;
    const requester = this.#world.clientFacts?.(this.#source, this.#detailed);
    const rttMs = requester?.rttMs ?? 0;
    this.#world.sendMeasurement?.(this.#exporter, this.#subject, {
      ...outcome,
      requestor: requester?.info,
      responder: responder?.info,
      header: this.#headers.size === 0 ? undefined : this.#headers,
      start: formatNs(this.#sinceNs - BigInt(nanoseconds(rttMs))),
      ...durations(rttMs),
    });
  }
}

export interface MeasuredRequest {
  /** The account that offers the service. */
  readonly exporter: Account;
  readonly latency: ServiceLatency;
  /** Who asks. */
  readonly source: DeliveryTarget | undefined;
  /** Whether the importer shares all about those who ask. */
  readonly detailed: boolean;
}

/** The headers that made a request be measured, by name. */
type SampledHeaders = ReadonlyMap<string, readonly string[]>;

const NO_HEADERS: SampledHeaders = new Map();

function sampledBy(sampling: number, message: Message, random: Random): SampledHeaders | undefined {
  if (sampling >= 100 || (sampling > 0 && random.below(100) < sampling)) return NO_HEADERS;
  return message.headerBytes === 0 ? undefined : tracedHeaders(message.headerText);
}

// The headers of the common kinds of traces, the first kind that is there decides: Jaeger, Zipkin in several headers or in
// one (https://github.com/openzipkin/b3-propagation), W3C.
function tracedHeaders(block: string): SampledHeaders | undefined {
  const headers = new Map<string, string[]>();
  for (const [name, values] of readHeaders(block)) {
    const canonical = canonicalName(name);
    const texts = values.map(bytesAsText);
    headers.set(canonical, [...(headers.get(canonical) ?? []), ...texts]);
  }
  const first = (name: string): string | undefined => headers.get(name)?.[0];
  const only = (wanted: (name: string) => boolean): SampledHeaders =>
    new Map([...headers].filter(([name]) => wanted(name)).sort(([a], [b]) => (a < b ? -1 : 1)));

  const uber = first("Uber-Trace-Id");
  if (uber !== undefined) {
    if (!/^[^:]*:[^:]*:[^:]*:[0-9a-f]?[13579bdf]$/i.test(uber)) return undefined;
    return only((name) => name === "Uber-Trace-Id" || name.startsWith("Uberctx-"));
  }
  const b3Sampled = first("X-B3-Sampled");
  if (b3Sampled === "0") return undefined;
  if (b3Sampled === "1" || headers.has("X-B3-Traceid")) return only((name) => ZIPKIN.has(name));
  const b3 = first("B3");
  if (b3 !== undefined) {
    const fields = b3.split("-");
    const isDenied = fields[2] === "0" || b3 === "0";
    return isDenied ? undefined : only((name) => name === "B3");
  }
  const parent = first("Traceparent");
  if (parent === undefined || !isSampledTraceParent(parent)) return undefined;
  return only((name) => name === "Traceparent" || name === "Tracestate");
}

const ZIPKIN = new Set(["X-B3-Sampled", "X-B3-Traceid", "X-B3-Parentspanid", "X-B3-Spanid"]);

// As HTTP libraries write it: capitals at the beginning and after each hyphen.
function canonicalName(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

function nanoseconds(ms: number): number {
  return Math.round(ms * NS_PER_MS);
}
