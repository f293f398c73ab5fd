// A disk in memory that loses what was not synced when its host crashes, and that fails on demand.
import { posix } from "node:path";
import type { Clock } from "../clock.js";
import type { AppendFile, Disk, DiskFile, FileInfo, OpenMode, WrittenFile } from "../disk.js";
import { platformError } from "../errors.js";
import type { Random } from "../random.js";
import { SimulatedFile } from "./disk-file.js";
import { DirectoryNode, FileNode, Tree, type TreeNode } from "./files.js";

export type DiskOperation =
  | "open"
  | "read"
  | "write"
  | "truncate"
  | "sync"
  | "syncDirectory"
  | "stat"
  | "list"
  | "makeDirectory"
  | "rename"
  | "remove";

/** A failure to come. */
export interface DiskFault {
  operation: DiskOperation;
  /** The platform's code: EIO, ENOSPC, EACCES, ... */
  code: string;
  /** The path's end; default every path. */
  path?: string;
  /** How many such operations still succeed; default 0. */
  skip?: number;
  /** How many fail then; default 1, Infinity for all. */
  times?: number;
  /** A write leaves a random first part of its data before it fails. */
  torn?: boolean;
}

/** How long the asynchronous calls take, in milliseconds of virtual time. */
export interface DiskLatency {
  readMs: number;
  writeMs: number;
  syncMs: number;
}

/** What a disk without an end says is free. */
const ENDLESS_BYTES = 1024 ** 4;

export class SimulatedDisk implements Disk {
  /** Small, so that a little is written in many blocks. */
  blockBytes = 64;
  /** Room for the content of all files; a write beyond it stores what fits and fails with ENOSPC. */
  capacityBytes = Number.POSITIVE_INFINITY;
  latency: DiskLatency = { readMs: 0.1, writeMs: 0.1, syncMs: 2 };
  private readonly clock: Clock;
  private readonly random: Random;
  private tree = new Tree();
  private faults: Required<DiskFault>[] = [];
  private life = 0;

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  /** Lets an operation fail. */
  fail(fault: DiskFault): void {
    this.faults.push({ path: "", skip: 0, times: 1, torn: false, ...fault });
  }

  /** Forgets the failures that have not come yet. */
  repair(): void {
    this.faults = [];
  }

  /** Flips `count` random bits of a file, as ageing media do; the reader is told nothing. */
  flipBits(path: string, count = 1): void {
    const file = this.file(path, "open");
    for (let i = 0; i < count; i++) file.flipBit(this.random.below(file.sizeBytes), this.random.below(8));
  }

  /** The host's programs were killed: files that they had open are closed, and hold what was written. */
  kill(): void {
    this.life++;
  }

  /**
   * Cuts the power: open files are gone, names and content are as last synced. With `torn`, random parts of what was not
   * synced have reached the disk too: some of the sectors written, the first few of the names changed.
   */
  crash(options: { torn?: boolean } = {}): void {
    this.life++;
    this.tree.crash(options.torn === true ? this.random : undefined);
  }

  readSync(path: string): Buffer {
    this.failWhenTold("read", path);
    return Buffer.from(this.file(path, "read").view());
  }

  writeSync(path: string, data: Uint8Array | string): void {
    const file = this.openNode(path, "create");
    file.resize(0);
    this.store(file, path, Buffer.from(data), 0);
  }

  statSync(path: string): FileInfo | undefined {
    this.failWhenTold("stat", path);
    const node = this.find(path);
    if (node === undefined) return undefined;
    return { isDirectory: node.isDirectory, sizeBytes: node.sizeBytes, modifiedMs: node.modifiedMs };
  }

  listSync(path: string): string[] {
    this.failWhenTold("list", path);
    return [...this.directory(path, "scandir").entries.keys()].sort();
  }

  makeDirectorySync(path: string): void {
    this.failWhenTold("makeDirectory", path);
    let directory = this.tree.root;
    for (const name of namesOf(path)) {
      let next = directory.entries.get(name);
      if (next === undefined) {
        next = new DirectoryNode();
        next.modifiedMs = this.clock.nowMs();
        this.tree.change({ directory, name, node: next });
      }
      if (!next.isDirectory) throw platformError("ENOTDIR", "mkdir", path);
      directory = next;
    }
  }

  renameSync(from: string, to: string): void {
    this.failWhenTold("rename", from);
    const node = this.find(from);
    if (node === undefined) throw platformError("ENOENT", "rename", from);
    const source = this.parent(from, "rename");
    const target = this.parent(to, "rename");
    const old = target.directory.entries.get(target.name);
    if (old === node) return;
    if (old?.isDirectory && !node.isDirectory) throw platformError("EISDIR", "rename", to);
    if (old !== undefined && !old.isDirectory && node.isDirectory) throw platformError("ENOTDIR", "rename", to);
    if (old?.isDirectory && old.entries.size > 0) throw platformError("ENOTEMPTY", "rename", to);
    this.tree.change({ ...source, node: undefined }, { ...target, node });
  }

  removeSync(path: string): void {
    this.failWhenTold("remove", path);
    const node = this.find(path);
    if (node === undefined) throw platformError("ENOENT", "unlink", path);
    if (node.isDirectory && node.entries.size > 0) throw platformError("ENOTEMPTY", "rmdir", path);
    this.tree.change({ ...this.parent(path, "unlink"), node: undefined });
  }

  openAppendSync(path: string): AppendFile {
    const file = this.openNode(path, "create");
    const { life } = this;
    let open = true;
    return {
      get sizeBytes() {
        return file.sizeBytes;
      },
      appendSync: (data) => {
        if (!open || life !== this.life) throw platformError("EBADF", "write", path);
        this.store(file, path, Buffer.from(data), file.sizeBytes);
      },
      closeSync: () => {
        open = false;
      },
    };
  }

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.openFile(path, mode, false);
  }

  openSynced(path: string, mode: "update" | "create"): Promise<WrittenFile> {
    return this.openFile(path, mode, true);
  }

  async syncDirectory(path: string): Promise<void> {
    const directory = this.directory(path, "fsync");
    const mark = this.tree.mark();
    await this.take(this.latency.syncMs);
    this.failWhenTold("syncDirectory", path);
    this.tree.sync(directory, mark);
  }

  async read(path: string): Promise<Buffer> {
    await this.take(this.latency.readMs);
    return this.readSync(path);
  }

  async stat(path: string): Promise<FileInfo | undefined> {
    await this.take(this.latency.readMs);
    return this.statSync(path);
  }

  async list(path: string): Promise<string[]> {
    await this.take(this.latency.readMs);
    return this.listSync(path);
  }

  async makeDirectory(path: string): Promise<void> {
    await this.take(this.latency.writeMs);
    this.makeDirectorySync(path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.take(this.latency.writeMs);
    this.renameSync(from, to);
  }

  async remove(path: string): Promise<void> {
    await this.take(this.latency.writeMs);
    this.removeSync(path);
  }

  async freeBytes(path: string): Promise<number> {
    await this.take(this.latency.readMs);
    if (this.statSync(path) === undefined) throw platformError("ENOENT", "statfs", path);
    return Math.max(0, Math.min(this.capacityBytes - this.usedBytes(), ENDLESS_BYTES));
  }

  /** Tells one life of the disk from the next; a crash ends it. */
  currentLife(): number {
    return this.life;
  }

  /** Resolves after `ms` of virtual time. */
  take(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(ms, resolve));
  }

  /** Throws the failure that was ordered for this operation, if one was. */
  failWhenTold(operation: DiskOperation, path: string): void {
    const fault = this.nextFault(operation, path);
    if (fault !== undefined) throw platformError(fault.code, operation, path);
  }

  /** Writes to a file as far as faults and capacity allow. */
  store(file: FileNode, path: string, data: Uint8Array, positionBytes: number): void {
    const fault = this.nextFault("write", path);
    if (fault !== undefined) {
      if (fault.torn) this.put(file, data.subarray(0, this.random.below(data.length + 1)), positionBytes);
      throw platformError(fault.code, "write", path);
    }
    const growth = positionBytes + data.length - file.sizeBytes;
    const room = this.capacityBytes - (growth > 0 && this.capacityBytes !== Infinity ? this.usedBytes() : 0);
    if (growth <= room) {
      this.put(file, data, positionBytes);
      return;
    }
    this.put(file, data.subarray(0, Math.max(0, data.length - (growth - Math.max(0, room)))), positionBytes);
    throw platformError("ENOSPC", "write", path);
  }

  private async openFile(path: string, mode: OpenMode, synced: boolean): Promise<SimulatedFile> {
    await this.take(this.latency.readMs);
    const file = this.openNode(path, mode);
    return new SimulatedFile(this, path, file, mode !== "read", synced);
  }

  private put(file: FileNode, data: Uint8Array, positionBytes: number): void {
    if (data.length === 0) return;
    file.write(data, positionBytes);
    file.modifiedMs = this.clock.nowMs();
  }

  private usedBytes(directory = this.tree.root): number {
    let sum = 0;
    for (const node of directory.entries.values()) sum += node.isDirectory ? this.usedBytes(node) : node.sizeBytes;
    return sum;
  }

  private nextFault(operation: DiskOperation, path: string): Required<DiskFault> | undefined {
    const fault = this.faults.find((f) => f.operation === operation && path.endsWith(f.path));
    if (fault === undefined) return undefined;
    if (fault.skip > 0) {
      fault.skip--;
      return undefined;
    }
    if (--fault.times <= 0) this.faults.splice(this.faults.indexOf(fault), 1);
    return fault;
  }

  private openNode(path: string, mode: OpenMode): FileNode {
    this.failWhenTold("open", path);
    const { directory, name } = this.parent(path, "open");
    const node = this.find(path);
    if (node?.isDirectory) throw platformError("EISDIR", "open", path);
    if (node !== undefined) {
      if (mode === "new") throw platformError("EEXIST", "open", path);
      return node;
    }
    if (mode === "read" || mode === "update") throw platformError("ENOENT", "open", path);
    const file = new FileNode();
    file.modifiedMs = this.clock.nowMs();
    this.tree.change({ directory, name, node: file });
    return file;
  }

  private find(path: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.tree.root;
    for (const name of namesOf(path)) node = node?.isDirectory ? node.entries.get(name) : undefined;
    return node;
  }

  private file(path: string, syscall: string): FileNode {
    const node = this.find(path);
    if (node === undefined) throw platformError("ENOENT", syscall, path);
    if (node.isDirectory) throw platformError("EISDIR", syscall, path);
    return node;
  }

  private directory(path: string, syscall: string): DirectoryNode {
    const node = this.find(path);
    if (node === undefined) throw platformError("ENOENT", syscall, path);
    if (!node.isDirectory) throw platformError("ENOTDIR", syscall, path);
    return node;
  }

  private parent(path: string, syscall: string): { directory: DirectoryNode; name: string } {
    const absolute = posix.resolve("/", path);
    return { directory: this.directory(posix.dirname(absolute), syscall), name: posix.basename(absolute) };
  }
}

function namesOf(path: string): string[] {
  return posix
    .resolve("/", path)
    .split("/")
    .filter((name) => name !== "");
}
