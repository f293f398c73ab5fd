// An open file of the simulated disk: useless after its host's crash.
import { type DiskFile, nextBlock } from "../disk.js";
import { platformError } from "../errors.js";
import type { SimulatedDisk } from "./disk.js";
import type { FileNode } from "./files.js";

export class SimulatedFile implements DiskFile {
  readonly path: string;
  private readonly disk: SimulatedDisk;
  private readonly file: FileNode;
  private readonly writable: boolean;
  private readonly synced: boolean;
  private readonly life: number;
  private size: number;
  private closed = false;

  constructor(disk: SimulatedDisk, path: string, file: FileNode, writable: boolean, synced: boolean) {
    this.disk = disk;
    this.path = path;
    this.file = file;
    this.writable = writable;
    this.synced = synced;
    this.life = disk.currentLife();
    this.size = file.sizeBytes;
  }

  get sizeBytes(): number {
    return this.size;
  }

  async read(into: Uint8Array, positionBytes: number): Promise<number> {
    this.check("read", !this.closed);
    await this.disk.take(this.disk.latency.readMs);
    this.check("read");
    this.disk.failWhenTold("read", this.path);
    const found = this.file.view().subarray(positionBytes, positionBytes + into.length);
    into.set(found);
    return found.length;
  }

  async write(chunks: readonly Uint8Array[], positionBytes: number): Promise<void> {
    this.check("write", !this.closed && this.writable);
    await this.disk.take(this.disk.latency.writeMs);
    this.check("write");
    if (!this.synced) {
      this.store(chunks, positionBytes);
      return;
    }
    const { blockBytes } = this.disk;
    if (positionBytes % blockBytes !== 0) throw platformError("EINVAL", "write", this.path);
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    this.store([...chunks, Buffer.alloc(nextBlock(bytes, blockBytes) - bytes)], positionBytes);
    await this.sync();
  }

  async append(chunks: readonly Uint8Array[]): Promise<number> {
    this.check("write", !this.closed && this.writable);
    await this.disk.take(this.disk.latency.writeMs);
    this.check("write");
    const position = this.size;
    this.store(chunks, position);
    return position;
  }

  async truncate(sizeBytes: number): Promise<void> {
    this.check("ftruncate", !this.closed && this.writable);
    await this.disk.take(this.disk.latency.writeMs);
    this.check("ftruncate");
    this.disk.failWhenTold("truncate", this.path);
    this.file.resize(sizeBytes);
    this.size = sizeBytes;
  }

  async sync(): Promise<void> {
    this.check("fdatasync", !this.closed);
    const mark = this.file.mark();
    await this.disk.take(this.disk.latency.syncMs);
    this.check("fdatasync");
    try {
      this.disk.failWhenTold("sync", this.path);
    } catch (error) {
      this.file.loseSync(mark);
      throw error;
    }
    this.file.sync(mark);
  }

  async close(): Promise<void> {
    this.check("close", !this.closed);
    this.closed = true;
    // As long as the slowest call that may be under way.
    await this.disk.take(Math.max(this.disk.latency.readMs, this.disk.latency.writeMs, this.disk.latency.syncMs));
  }

  private store(chunks: readonly Uint8Array[], positionBytes: number): void {
    const data = Buffer.concat(chunks);
    this.disk.store(this.file, this.path, data, positionBytes);
    this.size = Math.max(this.size, positionBytes + data.length);
  }

  private check(syscall: string, usable = true): void {
    if (!usable || this.life !== this.disk.currentLife()) throw platformError("EBADF", syscall, this.path);
  }
}
