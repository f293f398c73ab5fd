// What the subject of an acknowledgement says (conformance/jetstream, FACTS "Ack reply subject and acks").

/** What it begins with. */
export const ACK_PREFIX: Uint8Array = Buffer.from("$JS.ACK.");

/** Which delivery of which message an acknowledgement is of. The sequence in the stream is from 1 on, the others may be 0: unknown. */
export interface AckPlace {
  readonly deliveries: number;
  readonly streamSequence: number;
  readonly consumerSequence: number;
}
