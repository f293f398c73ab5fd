// A service import: a subscription in the importing account that runs a request through the exporting account's path,
// with a reply subject that leads back. Imports can be chained over accounts.
import type { Account } from "./account.js";
import type { ServiceExport } from "./exports.js";
import type { Message } from "./message.js";
import { type MessageTrace, untraced, withTraceDestination } from "./message-trace.js";
import type { Renaming } from "./renaming.js";
import { type ImportWorld, mapped, replyAcross } from "./replies.js";
import { passedOn, withRequestInfo } from "./request-info.js";
import { LatencyMeasurement } from "./service-latency.js";
import { type DeliveryTarget, InterestSource, Subscription } from "./subscription.js";

/** A request on its way through imports: what it came through so far. Handling it is synchronous. */
interface Hop {
  readonly service: ServiceExport;
  readonly share: boolean;
  readonly source: DeliveryTarget | undefined;
  readonly before: Hop | undefined;
}

/** The hops of the request that is being handled right now, shared by all service imports of a server. */
export class RequestChain {
  current: Hop | undefined;
}

export class ServiceImport implements DeliveryTarget {
  readonly exporter: Account;
  readonly importer: Account;
  readonly service: ServiceExport;
  /** From the importer's subjects to the exporter's. */
  readonly renaming: Renaming;
  /** Whether the service learns all about its requesters. */
  readonly share: boolean;
  readonly subscription: Subscription;
  readonly echo = true;
  readonly #world: ImportWorld;
  readonly #chain: RequestChain;

  constructor(
    exporter: Account,
    importer: Account,
    definition: { service: ServiceExport; renaming: Renaming; share: boolean },
    world: ImportWorld,
    chain: RequestChain,
  ) {
    this.exporter = exporter;
    this.importer = importer;
    this.service = definition.service;
    this.renaming = definition.renaming;
    this.share = definition.share;
    this.#world = world;
    this.#chain = chain;
    this.subscription = new Subscription(this.renaming.from, undefined, "", this, { source: InterestSource.import });
  }

  /** Hands a request to the exporting account. Returns whether somebody there got it. */
  deliver(_: Subscription, message: Message, source: DeliveryTarget | undefined): boolean {
    // The server that it came from has made the request of it.
    if (source?.peer !== undefined) return false;
    const { exporter, importer, service } = this;
    const chain = this.#chain;
    // What a connection inside the delivery publishes of its own starts anew.
    const before = chain.current?.source === source ? chain.current : undefined;
    for (let hop = before; hop !== undefined; hop = hop.before) if (hop.service === service) return false;

    const subject = mapped(exporter, this.renaming.forwards(message.subject), this.#world.random);
    const { trace } = message;
    const measurement = trace?.only ? undefined : this.#measurement(message, source);
    const reply = message.hasReply
      ? replyAcross(service, importer, exporter, message.reply, this.#world, measurement)
      : "";
    if (!message.hasReply) measurement?.failed("noReply");
    const share = before === undefined ? this.share : before.share;
    const passed = before === undefined ? undefined : passedOn(message, importer.name);
    const known = passed ?? this.#world.requestInfo?.(source, importer, share);
    const addsServer = !share && (this.#world.isSystem?.(exporter) || (passed !== undefined && this.share));
    const info = known && addsServer ? { ...known, ...this.#world.serverInfo?.() } : known;
    const request = (info === undefined ? message : withRequestInfo(message, info)).readdressed(subject, reply);
    trace?.serviceImported(exporter, message.subject, subject);

    const outer = chain.current;
    chain.current = { service, share, source, before };
    let delivered = false;
    try {
      delivered = trace === undefined ? this.#publish(request, source) : this.#publishTraced(request, trace, source);
    } finally {
      chain.current = outer;
      if (!delivered || trace?.only) exporter.replies?.forget(reply, "noResponder");
    }
    return delivered;
  }

  #publish(request: Message, source: DeliveryTarget | undefined): boolean {
    return this.#world.publish(this.exporter, request, source) > 0;
  }

  // Where the export allows it the trace goes on. Servers that are reached from there send their records the way that
  // answers come back.
  #publishTraced(request: Message, trace: MessageTrace, source: DeliveryTarget | undefined): boolean {
    const { exporter, importer, service } = this;
    if (!service.allowTrace) return !trace.only && this.#publish(untraced(request), source);
    const { destination } = trace;
    const across = replyAcross(service, importer, exporter, destination, this.#world);
    trace.destination = across;
    try {
      return this.#publish(withTraceDestination(request, across), source);
    } finally {
      trace.destination = destination;
      exporter.replies?.forget(across);
    }
  }

  #measurement(message: Message, source: DeliveryTarget | undefined): LatencyMeasurement | undefined {
    const { latency } = this.service;
    if (latency === undefined) return undefined;
    const request = { exporter: this.exporter, latency, source, detailed: this.share };
    return LatencyMeasurement.begin(request, message, this.#world);
  }
}
