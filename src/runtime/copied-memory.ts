// Memory inside which bytes are copied by one instruction of WebAssembly, without an object for each copy: what connections
// read and what they write both lie in it.

// What is used of the engine's interface; the types of Node do not have it.
declare const WebAssembly: {
  Memory: new (pages: { initial: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: Record<string, unknown> };
};

/**
 * (module (import "m" "m" (memory 1))
 *   (func (export "copy") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 memory.copy))
 */
const MODULE = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 7, 1, 0x60, 3, 0x7f, 0x7f, 0x7f, 0],
  ...[2, 8, 1, 1, 0x6d, 1, 0x6d, 2, 0, 1],
  ...[3, 2, 1, 0],
  ...[7, 8, 1, 4, 0x63, 0x6f, 0x70, 0x79, 0, 0],
  ...[10, 14, 1, 12, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 10, 0, 0, 0x0b],
);
const PAGE_BYTES = 64 * 1024;
/** As much as the chunks that are kept for reuse; the operating system gives pages when they are first used. */
const MEMORY_BYTES = 24 * 1024 * 1024;
/** Where bytes lie that are not in the memory. */
export const ELSEWHERE = -1;

interface CopiedMemory {
  readonly bytes: ArrayBuffer;
  readonly copy: (to: number, from: number, count: number) => void;
}

const memory = create();
let used = 0;
let lastBuffer: Uint8Array = Buffer.alloc(0);
let lastAddress = ELSEWHERE;

/** Memory of `count` bytes for good: of this kind while there is some, otherwise plain. */
export function takeMemory(count: number): Buffer {
  if (memory === undefined || used + count > MEMORY_BYTES) return Buffer.allocUnsafeSlow(count);
  used += count;
  return Buffer.from(memory.bytes, used - count, count);
}

/** Where the buffer's bytes lie in the memory, or `ELSEWHERE`. */
export function addressOf(buffer: Uint8Array): number {
  if (buffer === lastBuffer) return lastAddress;
  lastBuffer = buffer;
  lastAddress = memory !== undefined && buffer.buffer === memory.bytes ? buffer.byteOffset : ELSEWHERE;
  return lastAddress;
}

/** Copies bytes from one address to another; neither may be `ELSEWHERE`. */
export const copyMemory: CopiedMemory["copy"] = memory?.copy ?? (() => {});

// Some processes may not make code at run time, or have no address space left.
function create(): CopiedMemory | undefined {
  try {
    const pages = new WebAssembly.Memory({ initial: MEMORY_BYTES / PAGE_BYTES });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(MODULE), { m: { m: pages } });
    return { bytes: pages.buffer, copy: exports.copy as CopiedMemory["copy"] };
  } catch {
    return undefined;
  }
}
