// What is left of deleted streams and logs: their files, and of streams with messages that are to be erased what the journal has.
// What was not done is done after a restart.
import type { Timer } from "../../runtime/clock.js";
import type { Disk } from "../../runtime/disk.js";
import type { StoreContext } from "./context.js";
import { FileLog, type JournalRecord } from "./file-log.js";
import { FileWiper } from "./file-wiper.js";
import { forgetHeld, holdAsGone } from "./held-records.js";
import { decodeRemovals, toErase } from "./removals.js";
import type { Left } from "./storage-recovery.js";
import { ALREADY_DURABLE, type Ticket } from "./store.js";

const RETRY_MS = 500;
/** A try costs all streams a file of the journal. */
const LONGEST_RETRY_MS = 300_000;

export class Burials {
  private readonly context: StoreContext;
  private readonly wipeJournal: () => Promise<void>;
  /** Folders of deleted streams with something to erase, by id. The journal's `wipers` counts each. */
  private readonly left = new Map<number, string>();
  private isRunning = false;
  private retry: Timer | undefined;
  private retryMs = RETRY_MS;
  private ended = false;

  /** @param wipeJournal resolves when the journal holds nothing of what was written before */
  constructor(context: StoreContext, wipeJournal: () => Promise<void>) {
    this.context = context;
    this.wipeJournal = wipeJournal;
  }

  /**
   * Takes over a deleted stream: what its files had to erase is written over, and that it is gone is kept. `journal.wipers` was
   * raised by one for it.
   */
  add(id: number, directory: string): void {
    this.left.set(id, directory);
    if (!this.isRunning) void this.run();
  }

  /** Removes what was found at the start of things that are deleted, as far as the disk lets it. */
  async recover(
    left: readonly Left[],
    records: ReadonlyMap<number, readonly JournalRecord[]>,
    oldest: Ticket,
  ): Promise<void> {
    const { context } = this;
    const kept = new Set<number>();
    for (const one of left) {
      const { id, path } = one;
      if (kept.has(id)) continue;
      try {
        if (await this.isErasing(one, records.get(id + 1) ?? [])) {
          kept.add(id);
          context.journal.wipers++;
          await this.removeErasing(id, path);
        } else {
          const directory = parentOf(path);
          // Nobody knows whether a message that was held is one to erase.
          if (directory === `${context.root}/held`) await new FileWiper(context.disk, directory).remove(path);
          else await removeTree(context.disk, path);
          // What says in held/ that it is gone comes after it, and must not go before it for good.
          await syncParent(context.disk, path);
        }
      } catch {
        if (id === 0) continue;
        // The journal may forget that it was deleted.
        const keep = (): Promise<void> =>
          kept.has(id) ? this.removeErasing(id, path) : holdAsGone(context, id, false);
        await keep().catch(() => context.chore("", oldest, keep));
        kept.add(id);
      }
    }
  }

  /** Nothing is done any more before the next start. */
  end(): void {
    this.ended = true;
    this.retry?.cancel();
  }

  /** Whether a deleted stream had messages to erase. */
  private async isErasing({ id, path, isErasing }: Left, removals: readonly JournalRecord[]): Promise<boolean> {
    const { context } = this;
    if (isErasing || !path.startsWith(`${context.root}/streams/`)) return isErasing;
    const log = new FileLog(context, { key: "", id: id + 1, directory: path, name: "removed.log" }, ALREADY_DURABLE);
    await log.load();
    await log.adopt(removals);
    const { steps } = decodeRemovals(log.recover());
    log.discard();
    return log.unread !== undefined || toErase(steps).size > 0;
  }

  // Nobody knows any more which of its segments have it.
  private async removeErasing(id: number, directory: string): Promise<void> {
    const { context } = this;
    const { disk } = context;
    const wiper = new FileWiper(disk, directory);
    // Of one whose folder is gone only the file in held/ is left.
    const names = (await disk.stat(directory))?.isDirectory ? await disk.list(directory) : [];
    for (const name of names) if (/\.seg/.test(name)) await wiper.remove(`${directory}/${name}`);
    await holdAsGone(context, id, true);
    this.add(id, directory);
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    try {
      while (this.left.size > 0 && !this.ended) {
        const some = [...this.left];
        await this.wipeJournal();
        for (const [id, directory] of some) await this.finish(id, directory);
      }
      this.retryMs = RETRY_MS;
    } catch {
      if (!this.ended) this.retry = this.context.clock.after(this.retryMs, () => void this.run());
      this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
      return;
    }
    this.isRunning = false;
  }

  private async finish(id: number, directory: string): Promise<void> {
    const { context } = this;
    await removeTree(context.disk, directory);
    await syncParent(context.disk, directory);
    await forgetHeld(context, id);
    this.left.delete(id);
    context.journal.wipers--;
  }
}

function syncParent(disk: Disk, path: string): Promise<void> {
  return disk.syncDirectory(parentOf(path));
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

async function removeTree(disk: Disk, path: string): Promise<void> {
  const info = await disk.stat(path);
  if (info?.isDirectory) for (const name of await disk.list(path)) await removeTree(disk, `${path}/${name}`);
  if (info !== undefined) await disk.remove(path);
}
