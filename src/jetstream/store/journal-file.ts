// A file of the journal.
import type { Disk, WrittenFile } from "../../runtime/disk.js";
import type { Ticket } from "./store.js";

export interface JournalFile {
  readonly file: WrittenFile;
  /** Of its last write; 0 for none that counts. */
  lastTicket: Ticket;
  /** Nothing of a write is left in it. */
  isBlank: boolean;
}

/** A file of the journal that could not be opened for writing at the start. */
export interface UnopenedFile {
  readonly path: string;
  readonly lastTicket: Ticket;
}

/** Opens a file of the journal for writing; `synced`: each write is durable when it is done. Rejects with errors of the disk. */
export function openJournalFile(
  disk: Disk,
  path: string,
  mode: "update" | "create",
  synced: boolean,
): Promise<WrittenFile> {
  return synced ? disk.openSynced(path, mode) : disk.open(path, mode);
}

/** Writes over all of a file, so that nothing of a write is left in it. Rejects with errors of the disk. */
export async function wipeFile(disk: Disk, one: JournalFile): Promise<void> {
  // A write that failed may have left something behind what counts.
  const { sizeBytes = 0 } = (await disk.stat(one.file.path)) ?? {};
  await one.file.write([Buffer.alloc(Math.max(sizeBytes, one.file.sizeBytes))], 0);
  await one.file.sync();
  one.lastTicket = 0;
  one.isBlank = true;
}
