/**
 * Fault vectors of the inside: key block, header, body, chunks, records, manifest.
 */
import type { SnapshotRecord } from "../../../src/hsm/memory/record.ts";
import { record, recordOfLength } from "../fixtures.ts";
import { join, manifestEntry, type PayloadPieces, recordFrame, u32 } from "./forge.ts";
import { flip, HEADER_AT, KEY_BLOCK_BYTES, type Maker, type Row, withBytes } from "./maker.ts";

export function keyBlockRows(make: Maker): Row[] {
  const bare = make.bare();
  const sibling = make.forged({ seed: "sibling", origin: { chainNumber: 2 } });
  return [
    ["key_block_reserved_set", "key_block_damaged", withBytes(bare, 15, 1)],
    ["key_block_wrap_flipped", "key_block_damaged", flip(bare, 100)],
    ["key_block_of_sibling", "header_damaged", join(sibling.keyBlock, make.forged().container)],
  ];
}

export function headerRows(make: Maker): Row[] {
  const forged = make.forged();
  const bare = make.bare();
  const macAt = KEY_BLOCK_BYTES + forged.front.length;
  const loose = (map: Uint8Array) => join(Uint8Array.of(0xb8, 13), map.subarray(1));
  return [
    ["header_reserved_set", "header_damaged", withBytes(bare, KEY_BLOCK_BYTES + 11, 1)],
    ["header_too_long", "header_damaged", withBytes(bare, KEY_BLOCK_BYTES + 12, ...u32(4097))],
    ["header_flipped", "header_damaged", flip(bare, HEADER_AT + 20)],
    ["header_mac_flipped", "header_damaged", flip(bare, macAt)],
    ["header_unknown_key", "header_invalid", make.bare({ header: (map) => map.set(14, 0) })],
    [
      "header_unknown_algorithm",
      "header_invalid",
      make.bare({ header: (map) => map.set(11, ["AES-256-GCM", "HMAC-SHA-256", "SHA-256"]) }),
    ],
    ["header_chunk_size_odd", "header_invalid", make.bare({ header: (map) => map.set(12, 520) })],
    ["header_not_canonical", "header_invalid", make.bare({ headerBytes: loose })],
  ];
}

export async function bodyRows(make: Maker): Promise<Row[]> {
  const long = make.forged({
    records: [1, 2, 3].map((id) => recordOfLength(5, id, 50_000)),
    chunkBytes: 16_384,
  });
  const { envelope, body } = await make.seal({}, long);
  const sealed = await make.seal();
  const sibling = await make.seal({ seed: "sibling" });
  const [first, second, rest] = [
    body.subarray(0, 65_552),
    body.subarray(65_552, 131_104),
    body.subarray(131_104),
  ];
  return [
    ["body_flipped", "body_damaged", flip(sealed.file, -40)],
    ["body_segments_swapped", "body_damaged", join(envelope, second, first, rest)],
    ["body_of_sibling", "body_damaged", join(sealed.envelope, sibling.body)],
    [
      "body_digest_other",
      "body_digest_mismatch",
      await make.sealed({ bodyDigest: (d) => flip(d, 0) }),
    ],
  ];
}

export function chunkRows(make: Maker): Row[] {
  const forged = make.forged();
  const at = (index: number) => KEY_BLOCK_BYTES + forged.front.length + 32 + index * 528;
  const sibling = make.forged({ seed: "sibling" });
  const bare = make.bare();
  const spliced = withBytes(
    bare,
    at(2),
    ...sibling.container.subarray(at(2) - KEY_BLOCK_BYTES, at(3) - KEY_BLOCK_BYTES),
  );
  const reframe = (order: number[]) => make.bare({ frames: (all) => order.map((i) => all[i]!) });
  const last = make.forged().plainFrames.length - 1;
  const setLast = (index: number, value: number) =>
    make.bare({
      plainFrames: (all) =>
        all.map((frame, i) => (i === index ? withBytes(frame, 4, value) : frame)),
    });
  const shorter = make.bare({
    plainFrames: (all) => all.map((frame, i) => (i === 1 ? frame.subarray(0, -1) : frame)),
  });
  return [
    ["chunk_flipped", "chunk_damaged", flip(bare, at(1) + 100)],
    ["chunk_of_sibling", "chunk_damaged", spliced],
    ["chunk_length_wrong", "chunk_damaged", shorter],
    ["chunks_swapped", "chunk_out_of_order", reframe([0, 2, 1, 3, last])],
    ["chunk_duplicated", "chunk_out_of_order", reframe([0, 1, 1, 3, last])],
    ["chunk_dropped", "chunk_out_of_order", reframe([0, 2, 3, 3, last])],
    ["chunk_last_flag_missing", "chunk_out_of_order", setLast(last, 0)],
    ["chunk_last_flag_early", "chunk_out_of_order", setLast(2, 1)],
    ["trailer_flipped", "trailer_damaged", flip(bare, -1)],
  ];
}

export function recordRows(make: Maker): Row[] {
  const bare = (payload: (pieces: PayloadPieces) => void) =>
    make.bare({
      payload: (pieces) => {
        payload(pieces);
        return pieces;
      },
    });
  const insert = (bad: SnapshotRecord) =>
    bare((pieces) => {
      pieces.frames.push(recordFrame(bad));
      pieces.manifest.push(manifestEntry(bad));
    });
  const raw = (bytes: number[]) => insert({ type: 5, id: 3, bytes: Uint8Array.from(bytes) });
  const lengthOf = (length: number) =>
    bare(({ frames }) => frames.push(join(u32(length), new Uint8Array(9 + length))));
  return [
    [
      "record_type_unknown",
      "record_invalid",
      bare(({ frames }) =>
        frames.push(join(u32(3), Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0, 1, 0x82, 0xa0, 0x40))),
      ),
    ],
    ["record_too_long", "record_invalid", lengthOf(65_537)],
    ["record_too_short", "record_invalid", lengthOf(2)],
    ["record_order", "record_invalid", insert(record(4, 2, "late"))],
    ["record_duplicate", "record_invalid", insert(recordOfLength(5, 2, 10))],
    ["record_not_canonical", "record_invalid", raw([0x82, 0xa1, 0x18, 1, 0, 0x40])],
    [
      "record_no_end",
      "record_invalid",
      bare((pieces) => {
        pieces.endMark = new Uint8Array(0);
        pieces.manifest = [];
        pieces.footer = new Uint8Array(0);
      }),
    ],
  ];
}

export function manifestRows(make: Maker): Row[] {
  const bare = (payload: (pieces: PayloadPieces) => void) =>
    make.bare({
      payload: (pieces) => {
        payload(pieces);
        return pieces;
      },
    });
  const footer = (at: number) =>
    bare((pieces) => {
      pieces.footer = flip(pieces.footer, at);
    });
  return [
    [
      "manifest_digest_wrong",
      "manifest_mismatch",
      bare((pieces) => {
        pieces.manifest[2] = flip(pieces.manifest[2]!, 20);
      }),
    ],
    [
      "manifest_entry_missing",
      "manifest_mismatch",
      bare((pieces) => {
        pieces.manifest.pop();
      }),
    ],
    ["manifest_counts_wrong", "manifest_mismatch", footer(19)],
    ["manifest_offset_wrong", "manifest_mismatch", footer(27)],
    ["manifest_state_digest_wrong", "manifest_mismatch", footer(59)],
  ];
}
