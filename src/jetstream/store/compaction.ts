// Compaction: segments half of which was removed are written anew without it, small neighbours together. The old file is
// replaced by a rename, so that there is always exactly one that counts.
import { viewOf } from "../../protocol/words.js";
import { StoreError } from "./errors.js";
import { eraseRecord, isRecord, RecordKind, RecordView } from "./record.js";
import { Segment } from "./segment.js";
import { ALL, SlotBlock } from "./slot-block.js";
import type { StreamFiles } from "./stream-files.js";

/** Who is told about records that cannot be read. */
export interface DamageHandler {
  setAside(block: SlotBlock<Segment>, position: number, bytes: number): Promise<void>;
}

/**
 * Writes one segment, or a run of small ones, anew; false when none is worth it. `blocks`: those, whatever they hold.
 */
export async function compactOnce(
  files: StreamFiles,
  damage: DamageHandler,
  blocks = worthwhile(files),
): Promise<boolean> {
  if (blocks.length === 0) return false;
  const { context, index } = files;
  const copied: { block: SlotBlock<Segment>; slot: number; bytes: Buffer }[] = [];
  for (const block of blocks) {
    const { home } = block;
    const part = home.codec.isPlain ? await home.readPart(home.begin, home.flushedEnd) : undefined;
    for (let slot = block.forward(0, ALL); slot >= 0; slot = block.forward(slot + 1, ALL)) {
      const position = block.offsetAt(slot);
      const bytes = block.bytesAt(slot);
      const record = await recordAt(home, part, position, bytes);
      if (record?.kind !== RecordKind.message) await damage.setAside(block, position, bytes);
      else copied.push({ block, slot, bytes: record.whole });
    }
    const end = block.count - 1;
    if (block !== index.blocks[index.blocks.length - 1] || end < 0 || block.isLive(end)) continue;
    // The stream goes on behind its last message, though that is gone.
    const record = await recordAt(home, part, block.offsetAt(end), block.bytesAt(end));
    if (record === undefined) continue;
    const bytes = Buffer.from(record.whole);
    eraseRecord(bytes);
    copied.push({ block, slot: end, bytes });
  }
  const segment = nextGeneration(files, blocks);
  segment.sealed = true;
  const target = segment.path;
  await segment.writeTo(
    `${target}.new`,
    copied.map(({ bytes }) => bytes),
  );
  // Segments that were truncated or emptied meanwhile are not replaced.
  if (!blocks.every((block) => index.blocks.includes(block))) {
    await context.disk.remove(`${target}.new`);
    return false;
  }
  // Nobody may find the new file by the old positions, or read the old one by the new positions.
  await context.pool.replace(target, async () => {
    if (blocks[0].home.mustWipe) await files.wiper.replace(target);
    else await context.disk.rename(`${target}.new`, target);
    index.replace(blocks, replacement(segment, blocks, copied));
  });
  files.renamed = true;
  for (const { home } of blocks) context.cache.forget(home);
  for (const { home } of blocks.slice(1)) files.doomed.set(home, undefined);
  await files.syncNames();
  await files.wiper.wipe();
  await files.dropDead();
  await files.writeIndexes(false);
  return true;
}

async function recordAt(
  home: Segment,
  part: { start: number; bytes: Buffer } | undefined,
  position: number,
  bytes: number,
): Promise<RecordView | undefined> {
  let from = part;
  if (from === undefined) {
    try {
      from = await home.readPart(position, position + bytes);
    } catch (error) {
      // A read that fails says nothing about what stands there.
      if (!(error instanceof StoreError) || error.code !== "STORE_DAMAGED") throw error;
      return undefined;
    }
  }
  const at = position - from.start;
  // What could not be read when the segment was found may follow it.
  if (!isRecord(viewOf(from.bytes), at, Math.min(at + bytes, from.bytes.length))) return undefined;
  return new RecordView(from.bytes, at);
}

function nextGeneration(files: StreamFiles, blocks: readonly SlotBlock<Segment>[]): Segment {
  const { context } = files;
  const first = blocks[0].home;
  const last = blocks[blocks.length - 1].home;
  const codec = context.codec(files.options.compression === "s2");
  const { key, id, number, generation, after, afterIndex, afterSeconds, afterNanoseconds } = first.header;
  const header = Segment.headerOf(
    {
      key,
      id,
      number,
      through: Math.max(last.header.through, last.number),
      lastIndex: Math.max(...blocks.map((block) => block.home.lastIndex)),
      generation: generation + 1,
      after,
      afterIndex,
      afterSeconds,
      afterNanoseconds,
    },
    codec,
  );
  const segment = new Segment(context, files.directory, header, codec);
  segment.firstIndex = first.firstIndex;
  return segment;
}

function replacement(
  segment: Segment,
  blocks: readonly SlotBlock<Segment>[],
  copied: readonly { block: SlotBlock<Segment>; slot: number; bytes: Buffer }[],
): SlotBlock<Segment> {
  const result = new SlotBlock(segment, blocks[0].first, segment.begin, Math.max(1, copied.length));
  result.makeSparse();
  for (const { block, slot, bytes } of copied) {
    const record = new RecordView(bytes, 0);
    result.add(
      record.sequence,
      record.seconds,
      record.nanoseconds,
      block.subjectAt(slot),
      block.flagsAt(slot),
      bytes.length,
    );
    const linked = block.links?.[slot] ?? 0;
    if (linked > 0) result.link(result.count - 1, linked);
    // What was removed while the file was written.
    if (!block.isLive(slot)) result.remove(result.count - 1);
  }
  return result;
}

/** The segments that are worth it most simply: the first of them, and neighbours that fit in with it. */
function worthwhile(files: StreamFiles): SlotBlock<Segment>[] {
  const { index, context } = files;
  const { blocks } = index;
  if (context.journal.failure !== undefined) return [];
  for (let at = 0; at < blocks.length - 1; at++) {
    if (!isWorthwhile(files, blocks[at], at === 0)) continue;
    let bytes = blocks[at].liveRecordBytes;
    let end = at + 1;
    while (end < blocks.length - 1 && canMove(files, blocks[end])) {
      bytes += blocks[end].liveRecordBytes;
      const isFar = blocks[end].last - blocks[at].first > 0xffff_ffff;
      if (isFar || bytes > context.limits.segmentBytes / 2) break;
      end++;
    }
    return blocks.slice(at, end);
  }
  return [];
}

function canMove(files: StreamFiles, block: SlotBlock<Segment>): boolean {
  return block.home.sealed && block.live > 0 && files.isFlushed(block);
}

function isWorthwhile(files: StreamFiles, block: SlotBlock<Segment>, isFirst: boolean): boolean {
  if (!canMove(files, block)) return false;
  if (files.incomplete.has(block.home)) return true;
  if (block.home.codec.names.keyId !== files.context.keys.current?.keyId) return true;
  // What is removed from the front goes with its segment soon.
  const begin = isFirst ? block.offsetAt(block.lowerBound(files.index.firstSequence)) : block.home.begin;
  return block.liveRecordBytes * 2 < block.end - begin;
}
