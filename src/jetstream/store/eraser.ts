// Secure erase of a stream's messages: what was begun is written down and tried again until it is done, whatever fails
// meanwhile, also after a restart.
import type { Timer } from "../../runtime/clock.js";
import { compactOnce, type DamageHandler } from "./compaction.js";
import { StoreError } from "./errors.js";
import type { FileLog } from "./file-log.js";
import { encodeRemoved, type Removed } from "./removals.js";
import type { Segment } from "./segment.js";
import type { SlotBlock } from "./slot-block.js";
import type { Sequence } from "./store.js";
import type { StreamFiles } from "./stream-files.js";

const RETRY_MS = 500;
/** A try costs all streams a file of the journal. */
const LONGEST_RETRY_MS = 300_000;

/** What a store needs of the whole storage to erase: that nothing of a message is left in the journal. */
export interface JournalCleaner {
  /** Resolves when the journal holds nothing of what was written before. */
  wipeJournal(): Promise<void>;
  /**
   * Has the journal wiped of a deleted stream, whose files in `directory` are written over, and removes what is left of it, also
   * after a restart. The journal's `wipers` was raised by one for it.
   */
  bury(id: number, directory: string): void;
}

/** A message that is removed, and whose bytes are still somewhere. */
interface Erasure {
  readonly sequence: Sequence;
  /** Undefined when it is in none of the stream's files, or in one that goes. */
  readonly block: SlotBlock<Segment> | undefined;
  /** 0: somewhere in what was cut off the block. */
  readonly position: number;
  readonly bytes: number;
}

export class Eraser {
  private readonly files: StreamFiles;
  private readonly removals: FileLog;
  private readonly cleaner: JournalCleaner;
  private readonly damage: DamageHandler;
  /** Runs one thing with the stream's files after the other. */
  private readonly alone: (run: () => Promise<void>) => Promise<void>;
  private readonly left = new Set<Erasure>();
  private retry: Timer | undefined;
  private retryMs = RETRY_MS;
  private ended = false;

  constructor(
    files: StreamFiles,
    removals: FileLog,
    cleaner: JournalCleaner,
    damage: DamageHandler,
    alone: (run: () => Promise<void>) => Promise<void>,
  ) {
    this.files = files;
    this.removals = removals;
    this.cleaner = cleaner;
    this.damage = damage;
    this.alone = alone;
  }

  /** What is not erased yet, as entries. */
  get steps(): Removed[] {
    return Array.from(this.left, ({ sequence }) => this.step("erase", sequence));
  }

  /**
   * Notes that a message is to be erased, which is removed in the same turn, and does it. Rejects with what has failed; then it
   * is tried again.
   */
  async erase(sequence: Sequence, block: SlotBlock<Segment>, slot: number): Promise<void> {
    this.removals.append(encodeRemoved(this.step("erase", sequence)), true);
    await this.run([this.add(sequence, block, slot)]);
  }

  /** Goes on with what was not done when the storage ended; `sequences` are removed. */
  resume(sequences: Iterable<Sequence>): void {
    const { index, doomed } = this.files;
    for (const sequence of sequences) {
      for (const [segment, range] of doomed) {
        if (range !== undefined && range[0] <= sequence && sequence <= range[1]) segment.mustWipe = true;
      }
      const block = index.blocks.find(({ first, last }) => first <= sequence && sequence <= last);
      const slot = block?.lowerBound(sequence) ?? 0;
      const isThere = block !== undefined && block.sequenceAt(slot) === sequence && !block.isLive(slot);
      // What a truncation has cut off still stands behind the rest.
      const cut = isThere
        ? undefined
        : index.blocks.findLast(({ first, end, home }) => first <= sequence && end < home.flushedEnd);
      this.add(sequence, isThere ? block : cut, isThere ? slot : undefined);
    }
    if (this.left.size > 0) this.tryLater();
  }

  /** Nothing is erased any more until the next start. */
  end(): void {
    this.ended = true;
    this.retry?.cancel();
  }

  /** Whether something is still to be erased. */
  get isPending(): boolean {
    return this.left.size > 0;
  }

  /** The stream is gone, and its files go. */
  abandon(): void {
    this.end();
    this.files.context.journal.wipers -= this.left.size;
    this.left.clear();
  }

  private add(sequence: Sequence, block: SlotBlock<Segment> | undefined, slot: number | undefined): Erasure {
    const isThere = block !== undefined && slot !== undefined;
    const position = isThere ? block.offsetAt(slot) : 0;
    const erasure = { sequence, block, position, bytes: isThere ? block.bytesAt(slot) : 0 };
    if (block !== undefined) {
      // What comes now goes elsewhere, so that all of the block is in its file when that is written anew.
      if (!block.home.codec.isPlain) block.home.sealed = true;
      block.home.mustWipe = true;
    }
    this.left.add(erasure);
    this.files.context.journal.wipers++;
    return erasure;
  }

  private async run(some: readonly Erasure[]): Promise<void> {
    try {
      await this.cleaner.wipeJournal();
      await this.alone(async () => {
        let failure: unknown;
        for (const one of some) {
          if (this.ended) return;
          if (!this.left.has(one)) continue;
          try {
            await this.eraseFile(one);
            this.done(one);
          } catch (error) {
            // The others do not wait for it.
            failure ??= error;
          }
        }
        if (failure !== undefined) throw failure;
      });
      if (this.left.size === 0) this.retryMs = RETRY_MS;
    } catch (error) {
      this.tryLater();
      throw error;
    }
  }

  private async eraseFile({ block, position, bytes }: Erasure): Promise<void> {
    const { files } = this;
    if (block !== undefined && files.index.blocks.includes(block)) {
      const { home } = block;
      await files.wiper.restore(home.path);
      if (!home.exists) return;
      if (home.codec.isPlain && bytes > 0) await home.erase(position, bytes);
      else await compactOnce(files, this.damage, [block]);
    } else if (this.mustGo !== undefined) {
      await files.dropDead();
      const left = this.mustGo;
      if (left !== undefined) throw new StoreError("STORE_IO", `${left.path} cannot be removed yet`);
    }
    await files.wiper.wipe();
  }

  /** A segment that nobody needs, with something to erase. */
  private get mustGo(): Segment | undefined {
    for (const segment of this.files.doomed.keys()) if (segment.mustWipe) return segment;
    return undefined;
  }

  private done(one: Erasure): void {
    this.removals.append(encodeRemoved(this.step("erased", one.sequence)), true);
    this.left.delete(one);
    this.files.context.journal.wipers--;
    if (one.block !== undefined) one.block.home.mustWipe = [...this.left].some(({ block }) => block === one.block);
  }

  private tryLater(): void {
    if (this.ended) return;
    this.retry?.cancel();
    this.retry = this.files.context.clock.after(this.retryMs, () => {
      void this.run([...this.left]).catch(() => {});
    });
    this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
  }

  private step(kind: "erase" | "erased", sequence: Sequence): Removed {
    return { kind, index: this.files.lastIndex, sequence };
  }
}
