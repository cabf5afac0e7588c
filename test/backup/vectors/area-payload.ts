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

const SMALLEST = Uint8Array.of(0x82, 0xa0, 0x40);

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
    number_too_large: ["record_invalid", insert({ type: 5, id: 2 ** 53, bytes: SMALLEST })],
    of_three_items: ["record_invalid", raw([0x83, 0xa0, 0x40, 0x40])],
    attributes_no_map: ["record_invalid", raw([0x82, 0x80, 0x40])],
    attributes_text_key: ["record_invalid", raw([0x82, 0xa1, 0x61, 0x61, 0, 0x40])],
    attributes_twice: ["record_invalid", raw([0x82, 0xa2, 1, 0, 1, 0, 0x40])],
    attributes_tagged: ["record_invalid", raw([0x82, 0xa1, 1, 0xc0, 0, 0x40])],
    attributes_float: ["record_invalid", raw([0x82, 0xa1, 1, 0xf9, 0, 0, 0x40])],
    attributes_not_utf8: ["record_invalid", raw([0x82, 0xa1, 1, 0x61, 0xff, 0x40])],
    attributes_indefinite: ["record_invalid", raw([0x82, 0xbf, 1, 0, 0xff, 0x40])],
    nested_nine: ["record_invalid", raw([0x82, 0xa1, 1, ...Array(8).fill(0x81), 0, 0x40])],
    secret_as_text: ["record_invalid", raw([0x82, 0xa0, 0x60])],
    trailing: ["record_invalid", raw([0x82, 0xa0, 0x40, 0])],
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
  const entryMore = bare((pieces) => {
    pieces.manifest.push(pieces.manifest[0]!);
  });
  const trailing = bare((pieces) => {
    pieces.footer = join(pieces.footer, u32(0));
  });
  const entryMissing = bare((pieces) => {
    pieces.manifest.pop();
  });
  return await make.inside({
    digest_wrong: ["manifest_mismatch", digestWrong],
    entry_missing: ["manifest_mismatch", entryMissing],
    entry_more: ["manifest_mismatch", entryMore],
    trailing: ["manifest_mismatch", trailing],
    counts_wrong: ["manifest_mismatch", footer(19)],
    offset_wrong: ["manifest_mismatch", footer(27)],
    state_digest_wrong: ["manifest_mismatch", footer(59)],
  });
}
