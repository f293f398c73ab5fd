// Cuts what a connection receives into control lines and payloads, whatever the packets' boundaries. Clients, routes,
// gateways and leaf nodes speak the same shape: a line that ends in LF and, for messages, a counted payload and CR LF.
import { sameWords, viewOf } from "./words.js";

/** `line` answers one of these, or the number of payload bytes that follow the line. */
export const NO_PAYLOAD = -1;
/** The connection is being closed: nothing more of its input is looked at. */
export const STOP = -2;
/** What follows the line, as far as it has arrived, is of another protocol: it is not looked at; see `following`. */
export const LEAVE = -3;

export interface FrameHandler {
  /** A control line `buffer[start..end)`, its end of line removed. */
  line(buffer: Buffer, start: number, end: number): number;
  /**
   * A line of the very bytes that `Framer.remember` was last called for, at `start`; answers like `line`. Spares the
   * parsing for publishers that stay with one subject and size.
   */
  repeatedLine(buffer: Buffer, start: number): number;
  /**
   * The beginning of a line whose end has not arrived. Answers STOP when it can no longer become a good one, else how many
   * bytes of it matter: what stands behind them is forgotten.
   */
  beginning(buffer: Buffer, start: number, end: number): number;
  /** The payload of the last line is not there yet: whatever refers to the bytes of that line has to be copied. */
  keepLine(): void;
  /** The payload of the last line; CR LF follows at `end`. `owned` tells that nobody else will write into `buffer`. */
  payload(buffer: Buffer, start: number, end: number, owned: boolean): void;
  /** The payload is not followed by CR LF. */
  unterminated(): void;
}

const CR = 13;
const LF = 10;
const EMPTY = Buffer.alloc(0);
/** Lines longer than this are not remembered: comparing them would cost more than it saves. */
const LONGEST_REMEMBERED_LINE = 96;
/** ... nor shorter ones than a word. */
const SHORTEST_REMEMBERED_LINE = 4;
/** After so many lines in a row that differ from the remembered one, comparing pauses. */
const MISSES_BEFORE_PAUSE = 8;
/** ... for this many lines. */
const LINES_OF_PAUSE = 56;

export class Framer {
  private readonly handler: FrameHandler;
  // A line whose end has not arrived.
  private partial = EMPTY;
  private partialBytes = 0;
  // A payload that has not arrived whole.
  private body = EMPTY;
  private bodyBytes = 0;
  private bodyFilled = 0;
  private inBody = false;
  // The remembered line, its end of line included.
  private remembered: DataView | undefined;
  private rememberedBytes = 0;
  private misses = 0;
  // Input that waits for `release`.
  private holding = false;
  private held: Buffer[] = [];
  private heldSize = 0;
  // What of it is still to come while `release` goes on with it.
  private released: Buffer[] = [];
  private stopped = false;
  // Where the chunk being handled ends, and while a line that began in an earlier one is handled, the rest of the chunk.
  private chunkEnd = 0;
  private rest: Buffer | undefined;

  constructor(handler: FrameHandler) {
    this.handler = handler;
  }

  /** Bytes waiting for `release`. */
  get heldBytes(): number {
    return this.heldSize;
  }

  /** Whether it waits for `release`. */
  get isHolding(): boolean {
    return this.holding;
  }

  /** Stops looking at input after the current line or payload, until `release`; what arrives meanwhile is kept. */
  hold(): void {
    this.holding = true;
  }

  /** Goes on with the input that was held. */
  release(): void {
    this.holding = false;
    this.released = this.held;
    this.held = [];
    this.heldSize = 0;
    for (let chunk = this.released.shift(); chunk !== undefined; chunk = this.released.shift()) {
      this.feed(chunk, 0, chunk.length);
    }
  }

  /** Ignores all further input. */
  stop(): void {
    this.stopped = true;
    this.holding = false;
    this.held = [];
    this.heldSize = 0;
    this.released = [];
    this.partial = EMPTY;
    this.body = EMPTY;
  }

  /** To be called from `line`: the line just given, which ends at `end` with CR LF, may be compared with those that follow. */
  remember(buffer: Buffer, start: number, end: number): void {
    const bytes = end + 2 - start;
    if (
      bytes < SHORTEST_REMEMBERED_LINE ||
      bytes > LONGEST_REMEMBERED_LINE ||
      buffer[end] !== CR ||
      buffer[end + 1] !== LF
    ) {
      this.rememberedBytes = 0;
      return;
    }
    this.remembered ??= new DataView(new ArrayBuffer(LONGEST_REMEMBERED_LINE));
    const { remembered } = this;
    for (let i = 0; i < bytes; i++) remembered.setUint8(i, buffer[start + i]);
    this.rememberedBytes = bytes;
  }

  /** Forgets the remembered line; whatever it was parsed into no longer holds. */
  forget(): void {
    this.rememberedBytes = 0;
  }

  /** To be called from `line`: the input after the line just given, which ends at `end`, as far as it has arrived. */
  following(buffer: Buffer, end: number): Buffer {
    const rest = this.rest ?? buffer.subarray(buffer[end] === CR ? end + 2 : end + 1, this.chunkEnd);
    return this.released.length === 0 ? rest : Buffer.concat([rest, ...this.released]);
  }

  /** Takes `chunk[pos..end)`; the chunk may be reused after the call. */
  feed(chunk: Buffer, pos: number, end: number): void {
    if (this.stopped) return;
    if (this.holding) {
      this.keep(chunk, pos, end);
      return;
    }
    this.chunkEnd = end;
    if (this.inBody) pos = this.continueBody(chunk, pos, end);
    else if (this.partialBytes > 0) pos = this.continueLine(chunk, pos, end);
    const handler = this.handler;
    while (pos < end) {
      if (this.stopped) return;
      if (this.holding) {
        this.keep(chunk, pos, end);
        return;
      }
      let next: number;
      let payload: number;
      const repeat = this.repeats(chunk, pos, end);
      if (repeat > 0) {
        next = pos + repeat;
        payload = handler.repeatedLine(chunk, pos);
      } else {
        let at = pos;
        while (at < end && chunk[at] !== LF) at++;
        if (at === end) {
          this.startLine(chunk, pos, end);
          return;
        }
        next = at + 1;
        payload = handler.line(chunk, pos, at > pos && chunk[at - 1] === CR ? at - 1 : at);
      }
      if (payload === NO_PAYLOAD) {
        pos = next;
        continue;
      }
      if (payload === STOP) {
        this.stop();
        return;
      }
      if (payload === LEAVE) {
        this.released = [];
        return;
      }
      const bodyEnd = next + payload;
      if (bodyEnd + 2 > end) {
        this.startBody(chunk, next, end, payload);
        return;
      }
      if (chunk[bodyEnd] !== CR || chunk[bodyEnd + 1] !== LF) {
        this.stop();
        handler.unterminated();
        return;
      }
      handler.payload(chunk, next, bodyEnd, false);
      pos = bodyEnd + 2;
    }
  }

  private keep(chunk: Buffer, pos: number, end: number): void {
    this.held.push(Buffer.from(chunk.subarray(pos, end)));
    this.heldSize += end - pos;
  }

  // Length of the remembered line if the chunk goes on with it, else 0.
  private repeats(chunk: Buffer, pos: number, end: number): number {
    const bytes = this.rememberedBytes;
    if (bytes === 0 || pos + bytes > end) return 0;
    if (this.misses >= MISSES_BEFORE_PAUSE) {
      this.misses = this.misses >= MISSES_BEFORE_PAUSE + LINES_OF_PAUSE ? 0 : this.misses + 1;
      return 0;
    }
    if (!sameWords(viewOf(chunk), pos, this.remembered as DataView, 0, bytes)) {
      this.misses++;
      return 0;
    }
    this.misses = 0;
    return bytes;
  }

  private startLine(chunk: Buffer, pos: number, end: number): void {
    const keep = this.handler.beginning(chunk, pos, end);
    if (keep === STOP) this.stop();
    else this.appendToLine(chunk, pos, pos + keep);
  }

  private appendToLine(chunk: Buffer, pos: number, end: number): void {
    const bytes = this.partialBytes + end - pos;
    if (bytes > this.partial.length) {
      const larger = Buffer.allocUnsafe(Math.max(256, 2 * bytes));
      this.partial.copy(larger, 0, 0, this.partialBytes);
      this.partial = larger;
    }
    chunk.copy(this.partial, this.partialBytes, pos, end);
    this.partialBytes = bytes;
  }

  // Goes on with a line that began in an earlier chunk; returns where the chunk goes on, `end` when it is used up.
  private continueLine(chunk: Buffer, pos: number, end: number): number {
    let at = pos;
    while (at < end && chunk[at] !== LF) at++;
    if (at === end) {
      this.appendToLine(chunk, pos, end);
      const keep = this.handler.beginning(this.partial, 0, this.partialBytes);
      if (keep === STOP) this.stop();
      else this.partialBytes = keep;
      return end;
    }
    this.appendToLine(chunk, pos, at + 1);
    const line = this.partial;
    let length = this.partialBytes - 1;
    if (length > 0 && line[length - 1] === CR) length--;
    // The line is used until its payload is done, which is before another one can begin here.
    this.partialBytes = 0;
    this.rest = chunk.subarray(at + 1, end);
    const payload = this.handler.line(line, 0, length);
    this.rest = undefined;
    if (payload === STOP) {
      this.stop();
      return end;
    }
    if (payload === NO_PAYLOAD) return at + 1;
    if (payload === LEAVE) {
      this.released = [];
      return end;
    }
    this.startBody(chunk, at + 1, Math.min(end, at + 1 + payload + 2), payload);
    return Math.min(end, at + 1 + payload + 2);
  }

  private startBody(chunk: Buffer, pos: number, end: number, payload: number): void {
    this.handler.keepLine();
    this.body = Buffer.allocUnsafeSlow(payload + 2);
    this.bodyBytes = payload;
    this.bodyFilled = 0;
    this.inBody = true;
    this.continueBody(chunk, pos, end);
  }

  private continueBody(chunk: Buffer, pos: number, end: number): number {
    const take = Math.min(end - pos, this.bodyBytes + 2 - this.bodyFilled);
    chunk.copy(this.body, this.bodyFilled, pos, pos + take);
    this.bodyFilled += take;
    const { body, bodyBytes, bodyFilled } = this;
    if (
      (bodyFilled > bodyBytes && body[bodyBytes] !== CR) ||
      (bodyFilled === bodyBytes + 2 && body[bodyBytes + 1] !== LF)
    ) {
      this.stop();
      this.handler.unterminated();
      return end;
    }
    if (bodyFilled === bodyBytes + 2) {
      this.inBody = false;
      this.body = EMPTY;
      this.handler.payload(body, 0, bodyBytes, true);
    }
    return pos + take;
  }
}
