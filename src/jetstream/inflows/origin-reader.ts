// The consumer of an origin that sends its messages to a mirror or source: one of its own, which is made anew each time, or stays
// where the origin lets go of what was acknowledged; or one that is there already (`consumer`) and goes back to that
// (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-60.md).
import { stringifyExact } from "../../protocol/json.js";
import { hashName } from "../../server/server-hash.js";
import { wireSubject } from "../names.js";
import type { SourceConfig } from "../streams/stream-config.js";
import { NS_PER_SECOND, timeText } from "../time.js";
import type { Inflow } from "./inflow.js";
import type { OriginConsumer } from "./origin-answer.js";
import type { OriginPlace } from "./origin-place.js";

const HEARTBEAT_NS = NS_PER_SECOND;
const INACTIVE_NS = 10n * NS_PER_SECOND;
/** An ordered consumer sends every message once, and nobody acknowledges it. */
const ACK_WAIT_NS = 22n * 3600n * NS_PER_SECOND;

/** Whether both name the same stream of the same API. */
export function isSameOrigin(one: SourceConfig, other: SourceConfig): boolean {
  return one.name === other.name && (one.external?.api ?? "") === (other.external?.api ?? "");
}

export interface OriginReader {
  /** What the origin's API is asked, without its prefix, latin1. */
  readonly action: string;
  /** Whether it was there before, and may have sent what nobody has got. */
  readonly isKept: boolean;
  /** What the origin's API is asked, latin1, when nobody wants its messages any more; undefined where that is not ours to say. */
  readonly removal: string | undefined;
  /** Where it sends messages to, latin1; `drawn` is a name that nobody else has. */
  deliverTo(drawn: string): string;
  /** The body of the request. `letsGo`: whether the origin may remove what was acknowledged. */
  request(deliver: string, place: OriginPlace, letsGo: boolean): string;
  /** Why nothing can be taken of what it sends; undefined where all is well. */
  faultOf(answer: OriginConsumer): string | undefined;
}

/** The one that a configuration asks for. */
export function readerFor(inflow: Inflow): OriginReader {
  const { consumer } = inflow.config;
  return consumer === undefined ? new OwnReader(inflow) : new KeptReader(inflow.config, consumer);
}

// What is read, as far as it makes the consumer another one. Who changes the filters of the only source of an origin changes its consumer:
// what waits for it there goes on waiting.
function readFrom({ config, key, target }: Inflow): string {
  const { sources = [] } = target.config;
  const ofOrigin = sources.filter((other) => other.consumer === undefined && isSameOrigin(other, config));
  return ofOrigin.length > 1 ? key : [config.name, config.external?.api ?? ""].join("\f");
}

class OwnReader implements OriginReader {
  readonly action: string;
  readonly isKept = false;
  readonly removal: string;
  readonly #config: SourceConfig;
  readonly #prefix: string;
  // How it is found again after whatever happens at either end.
  readonly #name: string;
  readonly #metadata: Readonly<Record<string, string | undefined>>;

  constructor(inflow: Inflow) {
    const { config, isMirror, target } = inflow;
    const { deliver } = config.external ?? {};
    const kind = isMirror ? "M" : "S";
    const { js, account } = target.account;
    this.#config = config;
    this.#prefix = deliver ? `${wireSubject(deliver)}.${kind}` : `$JS.${kind}`;
    this.#name = `JS_${isMirror ? "MIRROR" : "SRC"}_${hashName([account.name, js.domain, target.name, readFrom(inflow)].join(" "))}`;
    const label = isMirror ? "_nats.mirror" : "_nats.src";
    this.#metadata = {
      [`${label}.acc`]: account.name,
      [`${label}.domain`]: js.domain,
      [`${label}.stream`]: target.name,
    };
    const name = wireSubject(config.name);
    this.action = `CONSUMER.CREATE.${name}`;
    this.removal = `CONSUMER.DELETE.${name}.${this.#name}`;
  }

  deliverTo(drawn: string): string {
    return `${this.#prefix}.${drawn}`;
  }

  request(deliver: string, place: OriginPlace, letsGo: boolean): string {
    const config = this.#consumerConfig(deliver, place);
    return stringifyExact(
      letsGo
        ? {
            stream_name: this.#config.name,
            config: { ...config, name: this.#name, sourcing: true, metadata: this.#metadata },
          }
        : {
            stream_name: this.#config.name,
            config: { ...config, num_replicas: 1, mem_storage: true },
            action: "create",
          },
    );
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
      direct: true,
    };
  }

  faultOf(): undefined {}
}

class KeptReader implements OriginReader {
  readonly action: string;
  readonly isKept = true;
  readonly removal = undefined;
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
