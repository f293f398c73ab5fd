// What the subject of an acknowledgement says (conformance/jetstream, FACTS "Ack reply subject and acks").

/** Which delivery of which message an acknowledgement is of; all from 1 on. */
export interface AckPlace {
  readonly deliveries: number;
  readonly streamSequence: number;
  readonly consumerSequence: number;
}
