// What a page is asked for and cannot give.

/** A request that a page cannot answer; the message goes to who asked. */
export class MonitoringError extends Error {
  override readonly name = "MonitoringError";
  readonly code = "NATS_MONITORING_REQUEST";
}

/** Monitoring cannot be started as the options ask for. */
export class MonitoringStartError extends Error {
  override readonly name = "MonitoringStartError";
  readonly code = "NATS_MONITORING_START";

  constructor(reason: string) {
    super(`Can't start monitoring: ${reason}`);
  }
}
