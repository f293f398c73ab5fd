// A file of the journal.
import type { WrittenFile } from "../../runtime/disk.js";
import type { Ticket } from "./store.js";

export interface JournalFile {
  readonly file: WrittenFile;
  /** Of its last write; 0 for none that counts. */
  lastTicket: Ticket;
  /** Nothing of a write is left in it. */
  isBlank: boolean;
}

/** Writes over all of a file, so that nothing of a write is left in it. Rejects with errors of the disk. */
export async function wipeFile(one: JournalFile): Promise<void> {
  await one.file.write([Buffer.alloc(one.file.sizeBytes)], 0);
  await one.file.sync();
  one.lastTicket = 0;
  one.isBlank = true;
}
