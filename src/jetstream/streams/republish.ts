// Messages that a stream has stored, published again under another subject with where they stand.
import type { Message } from "../../accounts/message.js";
import { SubjectTransform } from "../../subjects/transform.js";
import { wireSubject } from "../names.js";
import type { MessageTimes } from "../store/store.js";
import { nsOf, timeText } from "../time.js";
import { appendHeaders, Header } from "./publish-headers.js";
import type { Stream } from "./stream.js";

const NO_BYTES = Buffer.alloc(0);

export class Republish {
  readonly #stream: Stream;
  readonly #transform: SubjectTransform;
  readonly #headersOnly: boolean;

  constructor(stream: Stream, config: NonNullable<Stream["config"]["republish"]>) {
    this.#stream = stream;
    this.#transform = SubjectTransform.compile(wireSubject(config.src), wireSubject(config.dest));
    this.#headersOnly = config.headers_only === true;
  }

  /** @param lastSequence of the message of this subject before it; 0 for none */
  publish(message: Message, sequence: number, times: MessageTimes, lastSequence: number): void {
    const { js, account } = this.#stream.account;
    const destination = this.#transform.apply(message.subject, () => js.server.runtime.random.float());
    if (destination === undefined) return;
    const headers: [string, string | number][] = [
      [Header.stream, this.#stream.wireName],
      [Header.subject, message.subject],
      [Header.sequence, sequence],
      [Header.timeStamp, timeText(nsOf(times))],
      [Header.lastSequence, lastSequence],
    ];
    if (this.#headersOnly) headers.push([Header.msgSize, message.payloadBytes]);
    const block = Buffer.from(appendHeaders(message.headerText, headers), "latin1");
    const { body, start, headerBytes, end } = message;
    js.send(account, destination, this.#headersOnly ? NO_BYTES : body.subarray(start + headerBytes, end), block);
  }
}
