/**
 * Vectors of what frames hold: records and the manifest behind them.
 */
import type { SnapshotRecord } from "../../../src/hsm/memory/record.ts";
import { record, recordOfLength } from "../fixtures.ts";
import { join, manifestEntry, type PayloadPieces, recordFrame, u32 } from "./forge.ts";
import { flip, type Maker, type VectorTable } from "./maker.ts";

/** A bare file whose payload is changed before it is cut into frames. */
function withPayload(make: Maker, change: (pieces: PayloadPieces) => void): Uint8Array {
  return make.bare({
    payload: (pieces) => {
      change(pieces);
      return pieces;
    },
  });
}

export async function recordVectors(make: Maker): Promise<VectorTable> {
  const bare = (change: (pieces: PayloadPieces) => void) => withPayload(make, change);
  const insert = (bad: SnapshotRecord) =>
    bare((pieces) => {
      pieces.frames.push(recordFrame(bad));
      pieces.manifest.push(manifestEntry(bad));
    });
  const raw = (bytes: number[]) => insert({ type: 5, id: 3, bytes: Uint8Array.from(bytes) });
  const ofLength = (length: number) =>
    bare(({ frames }) => frames.push(join(u32(length), new Uint8Array(9 + length))));
  const ofTypeSix = Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0, 1, 0x82, 0xa0, 0x40);
  const withoutEnd = bare((pieces) => {
    pieces.endMark = new Uint8Array(0);
    pieces.manifest = [];
    pieces.footer = new Uint8Array(0);
  });
  return await make.inside({
    type_unknown: ["record_invalid", bare(({ frames }) => frames.push(join(u32(3), ofTypeSix)))],
    too_long: ["record_invalid", ofLength(65_537)],
    too_short: ["record_invalid", ofLength(2)],
    order: ["record_invalid", insert(record(4, 2, "late"))],
    duplicate: ["record_invalid", insert(recordOfLength(5, 2, 10))],
    not_canonical: ["record_invalid", raw([0x82, 0xa1, 0x18, 1, 0, 0x40])],
    no_end: ["record_invalid", withoutEnd],
  });
}

export async function manifestVectors(make: Maker): Promise<VectorTable> {
  const bare = (change: (pieces: PayloadPieces) => void) => withPayload(make, change);
  const footer = (at: number) =>
    bare((pieces) => {
      pieces.footer = flip(pieces.footer, at);
    });
  const digestWrong = bare((pieces) => {
    pieces.manifest[2] = flip(pieces.manifest[2]!, 20);
  });
  const entryMissing = bare((pieces) => {
    pieces.manifest.pop();
  });
  return await make.inside({
    digest_wrong: ["manifest_mismatch", digestWrong],
    entry_missing: ["manifest_mismatch", entryMissing],
    counts_wrong: ["manifest_mismatch", footer(19)],
    offset_wrong: ["manifest_mismatch", footer(27)],
    state_digest_wrong: ["manifest_mismatch", footer(59)],
  });
}
