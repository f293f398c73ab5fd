// The consumer of an origin that sends its messages to a mirror or source: one of its own, which is made anew each time, or one
// that is there already (`consumer`) and goes back to what was acknowledged
// (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-60.md).
import { stringifyExact } from "../../protocol/json.js";
import { wireSubject } from "../names.js";
import type { SourceConfig } from "../streams/stream-config.js";
import { NS_PER_SECOND, timeText } from "../time.js";
import type { OriginConsumer } from "./origin-answer.js";
import type { OriginPlace } from "./origin-place.js";

const HEARTBEAT_NS = NS_PER_SECOND;
const INACTIVE_NS = 10n * NS_PER_SECOND;
/** An ordered consumer sends every message once, and nobody acknowledges it. */
const ACK_WAIT_NS = 22n * 3600n * NS_PER_SECOND;

export interface OriginReader {
  /** What the origin's API is asked, without its prefix, latin1. */
  readonly action: string;
  /** Whether it was there before, and may have sent what nobody has got. */
  readonly isKept: boolean;
  /** Where it sends messages to, latin1; `drawn` is a name that nobody else has. */
  deliverTo(drawn: string): string;
  /** The body of the request. */
  request(deliver: string, place: OriginPlace): string;
  /** Why nothing can be taken of what it sends; undefined where all is well. */
  faultOf(answer: OriginConsumer): string | undefined;
}

/** The one that a configuration asks for. */
export function readerFor(config: SourceConfig, isMirror: boolean): OriginReader {
  return config.consumer === undefined ? new OwnReader(config, isMirror) : new KeptReader(config, config.consumer);
}

class OwnReader implements OriginReader {
  readonly action: string;
  readonly isKept = false;
  readonly #config: SourceConfig;
  readonly #prefix: string;

  constructor(config: SourceConfig, isMirror: boolean) {
    const { deliver } = config.external ?? {};
    const kind = isMirror ? "M" : "S";
    this.#config = config;
    this.#prefix = deliver ? `${wireSubject(deliver)}.${kind}` : `$JS.${kind}`;
    this.action = `CONSUMER.CREATE.${wireSubject(config.name)}`;
  }

  deliverTo(drawn: string): string {
    return `${this.#prefix}.${drawn}`;
  }

  request(deliver: string, place: OriginPlace): string {
    return stringifyExact({
      stream_name: this.#config.name,
      config: this.#consumerConfig(deliver, place),
      action: "create",
    });
  }

  #consumerConfig(deliver: string, { from, last, sinceNs }: OriginPlace): object {
    const config = this.#config;
    const patterns = config.filter_subject === "" ? (config.subject_transforms ?? []).map(({ src }) => src || ">") : [];
    const begins = last === 0 && config.opt_start_seq === 0 ? config.opt_start_time : undefined;
    const since = sinceNs === undefined ? begins : timeText(sinceNs);
    const byTime = since !== undefined;
    return {
      deliver_policy: byTime ? "by_start_time" : from > 1 ? "by_start_sequence" : "all",
      opt_start_seq: byTime || from <= 1 ? undefined : from,
      opt_start_time: since,
      ack_policy: "none",
      ack_wait: ACK_WAIT_NS,
      max_deliver: 1,
      filter_subject: config.filter_subject || (patterns.length === 1 ? patterns[0] : undefined),
      filter_subjects: patterns.length > 1 ? patterns : undefined,
      replay_policy: "instant",
      flow_control: true,
      deliver_subject: deliver,
      idle_heartbeat: HEARTBEAT_NS,
      inactive_threshold: INACTIVE_NS,
      num_replicas: 1,
      mem_storage: true,
      direct: true,
    };
  }

  faultOf(): undefined {}
}

class KeptReader implements OriginReader {
  readonly action: string;
  readonly isKept = true;
  readonly #name: string;
  readonly #deliver: string;

  constructor({ name }: SourceConfig, consumer: NonNullable<SourceConfig["consumer"]>) {
    this.#name = consumer.name;
    this.#deliver = consumer.deliver_subject;
    this.action = `CONSUMER.RESET.${wireSubject(name)}.${wireSubject(consumer.name)}`;
  }

  deliverTo(): string {
    return wireSubject(this.#deliver);
  }

  request(): string {
    return "";
  }

  faultOf({ acksByFlow, deliver }: OriginConsumer): string | undefined {
    if (!acksByFlow) return `the origin's consumer ${this.#name} has another ack policy than flow_control`;
    if (deliver !== this.#deliver) return `the origin's consumer ${this.#name} delivers to another subject`;
    return undefined;
  }
}
