// What this server has told the others of its streams: changes, numbered, and all of them to one that asks. An answer that
// states a change waits until the coordinator knows of it.
import { stringifyExact } from "../../protocol/json.js";
import type { JetStream } from "../jetstream.js";
import { type ToldStream, toldStreams } from "./peer.js";
import type { PeerChannel } from "./peer-channel.js";

/** A change that is not confirmed counts as told after this long. */
const CONFIRM_MS = 1000;
const PART_BYTES = 256 * 1024;

interface Unconfirmed {
  readonly revision: number;
  done(): void;
}

export class ToldChanges {
  readonly #js: JetStream;
  readonly #channel: PeerChannel;
  #unconfirmed: Unconfirmed[] = [];
  /** How many changes there were. */
  revision = 0;

  constructor(js: JetStream, channel: PeerChannel) {
    this.#js = js;
    this.#channel = channel;
  }

  /** Tells all of a change. */
  tell(stream: ToldStream): void {
    this.revision++;
    this.#channel.tellAll({ kind: "change", revision: this.revision, stream });
  }

  /** Tells one server of all streams, in parts. */
  tellEverything(serverId: string): void {
    let part: ToldStream[] = [];
    let bytes = 0;
    let number = 0;
    const send = (last: boolean): void => {
      this.#channel.tell(serverId, { kind: "streams", part: number++, last, revision: this.revision, streams: part });
      part = [];
      bytes = 0;
    };
    for (const told of toldStreams(this.#js)) {
      part.push(told);
      bytes += stringifyExact(told).length;
      if (bytes >= PART_BYTES) send(false);
    }
    send(true);
  }

  /** Calls back when all changes so far are confirmed, or no longer waited for. */
  whenConfirmed(done: () => void): void {
    const timer = this.#js.after(CONFIRM_MS, () => this.#end((one) => one === waiting));
    const waiting = {
      revision: this.revision,
      done: () => {
        timer.cancel();
        done();
      },
    };
    this.#unconfirmed.push(waiting);
  }

  /** The coordinator knows of the changes up to this one. */
  confirmed(revision: number): void {
    if (this.#unconfirmed.length > 0) this.#end((one) => one.revision <= revision);
  }

  #end(is: (one: Unconfirmed) => boolean): void {
    const ended = this.#unconfirmed.filter(is);
    this.#unconfirmed = this.#unconfirmed.filter((one) => !ended.includes(one));
    for (const { done } of ended) done();
  }
}
