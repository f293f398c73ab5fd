// What a simulated disk holds: files and directories, each as its programs see it and, apart, as a crash would leave it.
import type { Random } from "../random.js";

/** Disks write sectors whole; more than one can be torn apart. */
const SECTOR_BYTES = 512;

/** Bytes that grow. */
class Content {
  private bytes = Buffer.alloc(0);
  sizeBytes = 0;

  view(): Buffer {
    return this.bytes.subarray(0, this.sizeBytes);
  }

  write(data: Uint8Array, positionBytes: number): void {
    this.resize(Math.max(this.sizeBytes, positionBytes + data.length));
    this.bytes.set(data, positionBytes);
  }

  resize(sizeBytes: number): void {
    if (sizeBytes > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(sizeBytes, this.bytes.length * 2));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    if (sizeBytes < this.sizeBytes) this.bytes.fill(0, sizeBytes, this.sizeBytes);
    this.sizeBytes = sizeBytes;
  }
}

type Change =
  | { serial: number; kind: "write"; data: Uint8Array; positionBytes: number }
  | { serial: number; kind: "resize"; sizeBytes: number };

export class FileNode {
  readonly isDirectory = false;
  modifiedMs = 0;
  private readonly content = new Content();
  private readonly durable = new Content();
  private unsynced: Change[] = [];
  private serial = 0;

  get sizeBytes(): number {
    return this.content.sizeBytes;
  }

  /** The content as programs see it; a view. */
  view(): Buffer {
    return this.content.view();
  }

  write(data: Uint8Array, positionBytes: number): void {
    const copy = Uint8Array.from(data);
    this.content.write(copy, positionBytes);
    this.unsynced.push({ serial: ++this.serial, kind: "write", data: copy, positionBytes });
  }

  resize(sizeBytes: number): void {
    this.content.resize(sizeBytes);
    this.unsynced.push({ serial: ++this.serial, kind: "resize", sizeBytes });
  }

  /** Stands for everything changed so far; what a sync that starts now will cover. */
  mark(): number {
    return this.serial;
  }

  /** Makes everything up to `mark` durable. */
  sync(mark: number): void {
    for (const change of this.unsynced) if (change.serial <= mark) apply(this.durable, change);
    this.unsynced = this.unsynced.filter((change) => change.serial > mark);
  }

  /** As a failed sync on Linux: the changes count as clean although they never reached the disk. */
  loseSync(mark: number): void {
    this.unsynced = this.unsynced.filter((change) => change.serial > mark);
  }

  /** Leaves what was synced and, given `tearing`, random sectors of what was not. */
  crash(tearing: Random | undefined): void {
    if (tearing !== undefined) for (const change of this.unsynced) applyTorn(this.durable, change, tearing);
    this.unsynced = [];
    this.content.resize(0);
    this.content.write(this.durable.view(), 0);
  }

  /** Flips one bit, on the disk and as read. */
  flipBit(positionBytes: number, bit: number): void {
    for (const content of [this.content, this.durable]) {
      if (positionBytes < content.sizeBytes) content.view()[positionBytes] ^= 1 << bit;
    }
  }
}

function apply(content: Content, change: Change): void {
  if (change.kind === "resize") content.resize(change.sizeBytes);
  else content.write(change.data, change.positionBytes);
}

function applyTorn(content: Content, change: Change, random: Random): void {
  const fate = random.below(4);
  if (fate === 0) return;
  if (fate === 1 || change.kind === "resize") {
    apply(content, change);
    return;
  }
  const { data, positionBytes } = change;
  for (let from = 0; from < data.length; ) {
    const sectorEnd = SECTOR_BYTES - ((positionBytes + from) % SECTOR_BYTES);
    const to = Math.min(data.length, from + sectorEnd);
    if (random.below(2) === 0) content.write(data.subarray(from, to), positionBytes + from);
    from = to;
  }
}

export type TreeNode = FileNode | DirectoryNode;

export class DirectoryNode {
  readonly isDirectory = true;
  readonly sizeBytes = 0;
  modifiedMs = 0;
  entries = new Map<string, TreeNode>();
  durableEntries = new Map<string, TreeNode>();
}

interface NameChange {
  directory: DirectoryNode;
  name: string;
  node: TreeNode | undefined;
}

/** The names on a disk. A rename's two changes survive a crash together or not at all, as file systems with a journal see to. */
export class Tree {
  readonly root = new DirectoryNode();
  private unsynced: NameChange[][] = [];

  change(...changes: NameChange[]): void {
    for (const change of changes) setEntry(change.directory.entries, change);
    this.unsynced.push(changes);
  }

  /** Stands for the changes made so far. */
  mark(): readonly NameChange[][] {
    return this.unsynced.slice();
  }

  /** Makes those changes of `mark` durable that touch `directory`. */
  sync(directory: DirectoryNode, mark: readonly NameChange[][]): void {
    for (const group of mark) {
      const at = this.unsynced.indexOf(group);
      if (at < 0 || !group.some((change) => change.directory === directory)) continue;
      for (const change of group) {
        setEntry(change.directory.durableEntries, change);
        this.forget(change, at);
      }
      this.unsynced.splice(at, 1);
    }
    this.unsynced = this.unsynced.filter((group) => group.length > 0);
  }

  /** Leaves what was synced and, given `tearing`, the first few of the later changes. */
  crash(tearing: Random | undefined): void {
    const survivors = tearing === undefined ? 0 : tearing.below(this.unsynced.length + 1);
    for (const group of this.unsynced.slice(0, survivors)) {
      for (const change of group) setEntry(change.directory.durableEntries, change);
    }
    this.unsynced = [];
    restore(this.root, tearing);
  }

  // An older change of the same name must not come back when its directory is synced later.
  private forget(newer: NameChange, before: number): void {
    for (let i = 0; i < before; i++) {
      const group = this.unsynced[i];
      const at = group.findIndex((change) => change.directory === newer.directory && change.name === newer.name);
      if (at >= 0) group.splice(at, 1);
    }
  }
}

function setEntry(entries: Map<string, TreeNode>, change: NameChange): void {
  if (change.node === undefined) entries.delete(change.name);
  else entries.set(change.name, change.node);
}

function restore(directory: DirectoryNode, tearing: Random | undefined): void {
  directory.entries = new Map(directory.durableEntries);
  for (const node of directory.entries.values()) {
    if (node.isDirectory) restore(node, tearing);
    else node.crash(tearing);
  }
}
