// Files of a stream that had a message which is erased: they get a name of their own, are written over, and go. What was not
// done is found by that name at the next start.
import type { Disk } from "../../runtime/disk.js";
import type { PatientDisk } from "./patient-disk.js";

/** A file that has to be put back where no other one has taken its place. */
const REPLACED = ".replaced";
/** A file that nobody needs. */
const WIPE = ".wipe";

export class FileWiper {
  private readonly disk: Disk;
  private readonly directory: string;
  /** Files to write over. */
  private readonly left = new Set<string>();

  /** @param directory of all files */
  constructor(disk: Disk, directory: string) {
    this.disk = disk;
    this.directory = directory;
  }

  /** Finds what was not done before a restart. Gives the files that count and cannot be put back: their names, and where they are. */
  async recover(patient: PatientDisk): Promise<Map<string, string>> {
    const away = new Map<string, string>();
    const names = await patient.list(this.directory);
    for (const name of names) {
      const path = `${this.directory}/${name}`;
      if (name.endsWith(WIPE)) this.left.add(path);
      if (!name.endsWith(REPLACED)) continue;
      const own = name.slice(0, -REPLACED.length);
      if (names.includes(own)) {
        this.left.add(path);
        continue;
      }
      try {
        await patient.call(() => this.disk.rename(path, `${this.directory}/${own}`));
      } catch {
        away.set(own, path);
        continue;
      }
      // After a crash it is put back again.
      await this.disk.syncDirectory(this.directory).catch(() => {});
    }
    return away;
  }

  /** Puts the file `path`.new in the place of `path`, which is to be wiped then. */
  async replace(path: string): Promise<void> {
    await this.wipe();
    await this.disk.rename(path, `${path}${REPLACED}`);
    try {
      await this.disk.syncDirectory(this.directory);
      await this.disk.rename(`${path}.new`, path);
    } catch (error) {
      await this.putBack(path);
      throw error;
    }
    this.left.add(`${path}${REPLACED}`);
  }

  /** Makes a file be there that `replace` has taken away, if it could not bring it back; what has a successor is to be wiped. */
  async restore(path: string): Promise<void> {
    const { disk } = this;
    const away = `${path}${REPLACED}`;
    if ((await disk.stat(away)) === undefined) return;
    if ((await disk.stat(path)) === undefined) await this.putBack(path);
    else this.left.add(away);
  }

  /** Takes a file away, if it is there or an earlier try has left it, and writes over it. Gives whether it was there. */
  async remove(path: string): Promise<boolean> {
    const away = `${path}${WIPE}`;
    const wasLeft = (await this.disk.stat(away)) !== undefined;
    if (wasLeft) {
      // Its name would be taken from it, and its bytes stay.
      this.left.add(away);
      await this.wipe();
    }
    const isThere = (await this.disk.stat(path)) !== undefined;
    if (isThere) {
      await this.disk.rename(path, away);
      this.left.add(away);
    }
    await this.wipe();
    return wasLeft || isThere;
  }

  /** Writes over what is left, and removes it. */
  async wipe(): Promise<void> {
    if (this.left.size === 0) return;
    // A file that is half written over must not be found by its old name.
    await this.disk.syncDirectory(this.directory);
    for (const path of this.left) {
      const file = await this.disk.open(path, "update");
      try {
        await file.write([Buffer.alloc(file.sizeBytes)], 0);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.disk.remove(path);
      this.left.delete(path);
    }
  }

  private async putBack(path: string): Promise<void> {
    await this.disk.rename(`${path}${REPLACED}`, path);
    await this.disk.syncDirectory(this.directory);
  }
}
