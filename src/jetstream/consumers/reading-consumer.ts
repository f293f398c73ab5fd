// The consumer that a mirror or source has made for itself at its origin. Where the origin lets go of messages that its consumers are
// done with, it stays until its stream goes, and acknowledges by flow control (nats-server 2.15 does so; compared by running it).
import type { Stream } from "../streams/stream.js";
import { NS_PER_SECOND } from "../time.js";
import type { Consumer } from "./consumer.js";
import type { ConsumerConfig } from "./consumer-config.js";

/** Whether what is asked for is such a consumer. One without a name could not be found again. */
export function isKeptReader(config: ConsumerConfig, stream: Stream): boolean {
  return config.direct && config.sourcing === true && !config.drawn_name && stream.config.retention !== "limits";
}

/**
 * Makes of what is asked for what it becomes.
 * @param known it, when it is there: then it goes on as it has begun
 */
export function keepReader(config: ConsumerConfig, known: Consumer | undefined): void {
  config.direct = false;
  config.durable_name = config.name;
  config.ack_policy = "flow_control";
  config.ack_wait = 0n;
  config.backoff = undefined;
  config.max_deliver = -1;
  config.max_ack_pending = 0;
  config.inactive_threshold = 0n;
  config.flow_control = true;
  config.idle_heartbeat = NS_PER_SECOND;
  if (known === undefined) return;
  config.deliver_policy = known.config.deliver_policy;
  config.opt_start_seq = known.config.opt_start_seq;
  config.opt_start_time = known.config.opt_start_time;
}
