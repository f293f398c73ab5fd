// What the subject of an acknowledgement says (conformance/jetstream, FACTS "Ack reply subject and acks").

/** What it begins with. */
export const ACK_PREFIX: Uint8Array = Buffer.from("$JS.ACK.");

/** Which delivery of which message an acknowledgement is of; all from 1 on. */
export interface AckPlace {
  readonly deliveries: number;
  readonly streamSequence: number;
  readonly consumerSequence: number;
}
