// The server's part in measuring services: who clients are, and sending what was measured (ADR-3).
import type { Account } from "../accounts/account.js";
import type { ClientFacts } from "../accounts/service-latency.js";
import type { DeliveryTarget } from "../accounts/subscription.js";
import { stringifyExact } from "../protocol/json.js";
import { formatMs } from "../protocol/rfc3339.js";
import { ClientConnection } from "./clients/client.js";
import { type RequestServer, requestInfo } from "./clients/request-info.js";
import { eventId } from "./event-id.js";
import type { Hub } from "./hub.js";

const TYPE = "io.nats.server.metric.v1.service_latency";
const NO_HEADERS = Buffer.alloc(0);

/** Who asked or answered; undefined if it is no client. */
export function clientFacts(
  source: DeliveryTarget | undefined,
  detailed: boolean,
  server: RequestServer,
): ClientFacts | undefined {
  if (!(source instanceof ClientConnection) || source.account === undefined) return undefined;
  const info = requestInfo(source, source.account, detailed, server);
  return info && { rttMs: source.rttMs, info };
}

/** Publishes a measurement in the account of the service. As in nats-server that takes a system account. */
export function sendMeasurement(hub: Hub, account: Account, subject: string, measurement: object): void {
  if (hub.accounts.system === undefined) return;
  const { clock, random } = hub.runtime;
  const event = { type: TYPE, id: eventId(random), timestamp: formatMs(clock.nowMs()), ...measurement };
  hub.publish(account, subject, "", NO_HEADERS, Buffer.from(stringifyExact(event)));
}
