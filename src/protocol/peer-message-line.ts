// The arguments of RMSG, HMSG and LMSG between servers: [origin] [account] subject [reply | queues] [header size] size
// (conformance/topology, WIRE.md 2.4 and 4.3).
import { parseSize, splitArguments } from "./verbs.js";

/** Which optional arguments a line has; that depends on the verb and on the kind of link. */
export interface PeerMessageForm {
  /** The cluster of the leaf node that it comes from. */
  readonly origin: boolean;
  readonly account: boolean;
  /** The header size. */
  readonly headers: boolean;
}

/** More arguments than a line may have: some 4,000 queue groups in one message. */
const MOST_ARGUMENTS = 4096;
const ARGS = new Int32Array(2 * MOST_ARGUMENTS);

const BAR = 124;
const PLUS = 43;

/** Where the arguments of a line stand. One object is used for many lines; positions are those of the buffer it has read. */
export class PeerMessageLine {
  originStart = 0;
  originEnd = 0;
  /** From the account, or the subject where there is none, to the end of the subject. */
  addressStart = 0;
  accountEnd = 0;
  subjectStart = 0;
  subjectEnd = 0;
  /** Equal for none. */
  replyStart = 0;
  replyEnd = 0;
  /** From the first queue to the end of the last one, blanks between; equal for none. */
  queuesStart = 0;
  queuesEnd = 0;
  headerBytes = 0;
  sizeBytes = 0;
  sizeStart = 0;
  sizeEnd = 0;

  /** Reads `buffer[from..end)`. Returns false for arguments that make no sense. */
  read(buffer: Uint8Array, from: number, end: number, form: PeerMessageForm): boolean {
    const count = splitArguments(buffer, from, end, ARGS, MOST_ARGUMENTS);
    const sizes = form.headers ? 2 : 1;
    let next = form.origin ? 1 : 0;
    const address = next;
    if (form.account) next++;
    const subject = next++;
    const rest = count - sizes;
    if (rest < next || count === MOST_ARGUMENTS) return false;
    this.originStart = form.origin ? ARGS[0] : 0;
    this.originEnd = form.origin ? ARGS[1] : 0;
    this.addressStart = ARGS[2 * address];
    this.accountEnd = form.account ? ARGS[2 * address + 1] : this.addressStart;
    this.subjectStart = ARGS[2 * subject];
    this.subjectEnd = ARGS[2 * subject + 1];
    this.replyStart = this.replyEnd = 0;
    this.queuesStart = this.queuesEnd = 0;
    if (next < rest && !this.readRest(buffer, next, rest)) return false;
    this.sizeStart = ARGS[2 * count - 2];
    this.sizeEnd = ARGS[2 * count - 1];
    this.sizeBytes = parseSize(buffer, this.sizeStart, this.sizeEnd);
    this.headerBytes = form.headers ? parseSize(buffer, ARGS[2 * count - 4], ARGS[2 * count - 3]) : 0;
    return this.sizeBytes >= 0 && this.headerBytes >= 0 && this.headerBytes <= this.sizeBytes;
  }

  // A reply alone, `| queue...` or `+ reply queue...`.
  private readRest(buffer: Uint8Array, next: number, rest: number): boolean {
    const mark = ARGS[2 * next + 1] - ARGS[2 * next] === 1 ? buffer[ARGS[2 * next]] : 0;
    let queues = next + 1;
    if (mark !== BAR) {
      const reply = mark === PLUS ? next + 1 : next;
      queues = reply + 1;
      if (reply >= rest || (mark !== PLUS && queues !== rest)) return false;
      this.replyStart = ARGS[2 * reply];
      this.replyEnd = ARGS[2 * reply + 1];
    }
    if (queues < rest) {
      this.queuesStart = ARGS[2 * queues];
      this.queuesEnd = ARGS[2 * rest - 1];
    }
    return true;
  }
}
