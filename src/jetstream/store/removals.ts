// Removals as entries: which messages of a stream are gone. A stream's segments never change for it; a small log beside them
// says what no longer counts.
import type { RecoveredLog, Sequence } from "./store.js";

/**
 * One entry. `index` is the number of messages that the stream had been given before: later ones with the same sequences,
 * after a truncation, are not meant.
 */
export type Removed =
  | { readonly kind: "ranges"; readonly index: number; readonly ranges: readonly Range[] }
  | { readonly kind: "below" | "above"; readonly index: number; readonly sequence: Sequence }
  /** Messages up to number `index` are gone with their segment: no file will have them. */
  | { readonly kind: "gone"; readonly index: number; readonly firstIndex: number }
  /** Nothing is to be left of the bytes of a message that is removed; that is so. */
  | { readonly kind: "erase" | "erased"; readonly index: number; readonly sequence: Sequence };

export type Range = readonly [first: Sequence, last: Sequence];

/** What stands for all removals so far. */
export interface RemovalState {
  readonly lastSequence: Sequence;
  readonly lastSeconds: number;
  readonly lastNanoseconds: number;
  readonly steps: readonly Removed[];
}

const KINDS = { ranges: 1, below: 2, above: 3, gone: 4, erase: 5, erased: 6 } as const;
const STEP_BYTES = 9;
const STATE_BYTES = 24;

/** Sequences, ascending or not, as ranges. */
export function rangesOf(sequences: readonly Sequence[]): Range[] {
  const sorted = isAscending(sequences) ? sequences : sequences.toSorted((a, b) => a - b);
  const ranges: [Sequence, Sequence][] = [];
  let last: [Sequence, Sequence] | undefined;
  for (const sequence of sorted) {
    if (last !== undefined && sequence <= last[1] + 1) {
      last[1] = sequence;
    } else {
      last = [sequence, sequence];
      ranges.push(last);
    }
  }
  return ranges;
}

function isAscending(sequences: readonly Sequence[]): boolean {
  for (let i = 1; i < sequences.length; i++) if (sequences[i] < sequences[i - 1]) return false;
  return true;
}

export function encodeRemoved(step: Removed): Buffer {
  const numbers =
    step.kind === "ranges" ? step.ranges.flat() : [step.kind === "gone" ? step.firstIndex : step.sequence];
  const bytes = Buffer.allocUnsafe(STEP_BYTES + numbers.length * 8);
  bytes.writeUInt8(KINDS[step.kind], 0);
  bytes.writeDoubleLE(step.index, 1);
  for (const [i, number] of numbers.entries()) bytes.writeDoubleLE(number, STEP_BYTES + i * 8);
  return bytes;
}

/** Undefined when it is nothing of this version. */
export function decodeRemoved(bytes: Buffer): Removed | undefined {
  if (bytes.length < STEP_BYTES) return undefined;
  const index = bytes.readDoubleLE(1);
  const numbers: number[] = [];
  for (let at = STEP_BYTES; at + 8 <= bytes.length; at += 8) numbers.push(bytes.readDoubleLE(at));
  switch (bytes.readUInt8(0)) {
    case KINDS.ranges: {
      const ranges: Range[] = [];
      for (let i = 0; i + 1 < numbers.length; i += 2) ranges.push([numbers[i], numbers[i + 1]]);
      return { kind: "ranges", index, ranges };
    }
    case KINDS.below:
      return { kind: "below", index, sequence: numbers[0] };
    case KINDS.above:
      return { kind: "above", index, sequence: numbers[0] };
    case KINDS.erase:
      return { kind: "erase", index, sequence: numbers[0] };
    case KINDS.erased:
      return { kind: "erased", index, sequence: numbers[0] };
    case KINDS.gone:
      return { kind: "gone", index, firstIndex: numbers[0] };
    default:
      return undefined;
  }
}

export function encodeState(state: RemovalState): Buffer {
  const head = Buffer.allocUnsafe(STATE_BYTES);
  head.writeDoubleLE(state.lastSequence, 0);
  head.writeDoubleLE(state.lastSeconds, 8);
  head.writeDoubleLE(state.lastNanoseconds, 16);
  const parts: Buffer[] = [head];
  for (const step of state.steps) {
    const bytes = encodeRemoved(step);
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(bytes.length, 0);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}

export function decodeState(bytes: Buffer): RemovalState {
  const steps: Removed[] = [];
  for (let at = STATE_BYTES; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    const step = decodeRemoved(bytes.subarray(at + 4, end));
    if (step !== undefined) steps.push(step);
    at = end;
  }
  return {
    lastSequence: bytes.readDoubleLE(0),
    lastSeconds: bytes.readDoubleLE(8),
    lastNanoseconds: bytes.readDoubleLE(16),
    steps,
  };
}

/** All steps of a log of removals, and the state that it began with. */
export function decodeRemovals({ snapshot, entries }: RecoveredLog): {
  state: RemovalState | undefined;
  steps: Removed[];
} {
  const state = snapshot === undefined ? undefined : decodeState(snapshot);
  const steps = [...(state?.steps ?? [])];
  for (const entry of entries) {
    const step = decodeRemoved(entry);
    if (step !== undefined) steps.push(step);
  }
  return { state, steps };
}

/** The number of the last message that no file has to have, when all up to `index` are known. */
export function knownUpTo(index: number, gone: readonly Gone[]): number {
  let known = index;
  for (const one of gone) if (one.firstIndex <= known + 1) known = Math.max(known, one.index);
  return known;
}

export type Gone = Removed & { kind: "gone" };

/** Adds a range of numbers to those that are in order, together with neighbours. */
export function addGone(ranges: readonly Gone[], added: Gone): Gone[] {
  const merged: Gone[] = [];
  for (const one of [...ranges, added].sort((a, b) => a.firstIndex - b.firstIndex)) {
    const last = merged[merged.length - 1];
    if (last === undefined || one.firstIndex > last.index + 1) merged.push(one);
    else merged[merged.length - 1] = { ...last, index: Math.max(last.index, one.index) };
  }
  return merged;
}

/** Sequences whose erasure was begun and is not done. */
export function toErase(steps: readonly Removed[]): Set<number> {
  const left = new Set<number>();
  for (const step of steps) {
    if (step.kind === "erase") left.add(step.sequence);
    else if (step.kind === "erased") left.delete(step.sequence);
  }
  return left;
}

/** Whether all messages from `first` to `last`, and at least one, are removed. */
export function areRemoved(steps: readonly Removed[], first: number, last: number): boolean {
  let next = first;
  for (let before = 0; next <= last && next !== before; ) {
    before = next;
    for (const step of steps) {
      if (step.kind === "below") next = Math.max(next, step.sequence);
      if (step.kind !== "ranges") continue;
      for (const [from, to] of step.ranges) if (from <= next && to >= next) next = to + 1;
    }
  }
  return first <= last && next > last;
}
