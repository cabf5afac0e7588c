/**
 * Vectors of what leaves an HSM and of the body it is sealed in: key block, header, segments,
 * chunks, trailer.
 */
import type { SnapshotRecord } from "../../../src/hsm/memory/record.ts";
import { recordOfLength } from "../fixtures.ts";
import { join, type PayloadPieces, u32 } from "./forge.ts";
import {
  flip,
  HEADER_AT,
  KEY_BLOCK_BYTES,
  type Maker,
  opens,
  refused,
  type VectorTable,
  withBytes,
} from "./maker.ts";

export async function keyBlockVectors(make: Maker): Promise<VectorTable> {
  const bare = make.bare();
  const sibling = make.forged({ seed: "sibling", origin: { chainNumber: 2 } });
  const ofSibling = join(sibling.keyBlock, make.forged().container);
  return await make.inside({
    reserved_set: ["key_block_damaged", withBytes(bare, 15, 1)],
    wrap_flipped: ["key_block_damaged", flip(bare, 100)],
    of_sibling: ["header_damaged", ofSibling],
  });
}

export async function headerVectors(make: Maker): Promise<VectorTable> {
  const bare = make.bare();
  const macAt = KEY_BLOCK_BYTES + make.forged().front.length;
  const loose = (map: Uint8Array) => join(Uint8Array.of(0xb8, 13), map.subarray(1));
  const withField = (key: number, value: unknown) =>
    make.bare({ header: (map) => map.set(key, value) });
  const algorithms = ["AES-256-GCM", "HMAC-SHA-256", "SHA-256"];
  return await make.inside({
    reserved_set: ["header_damaged", withBytes(bare, KEY_BLOCK_BYTES + 11, 1)],
    too_long: ["header_damaged", withBytes(bare, KEY_BLOCK_BYTES + 12, ...u32(4097))],
    flipped: ["header_damaged", flip(bare, HEADER_AT + 20)],
    mac_flipped: ["header_damaged", flip(bare, macAt)],
    length_zero: ["header_damaged", withBytes(bare, KEY_BLOCK_BYTES + 12, ...u32(0))],
    mode_unknown: ["header_invalid", withField(5, "FIPS_140")],
    text_empty: ["header_invalid", withField(7, "")],
    text_too_long: ["header_invalid", withField(1, "b".repeat(129))],
    text_as_bytes: ["header_invalid", withField(2, new Uint8Array(4))],
    created_negative: ["header_invalid", withField(8, -1)],
    created_too_large: ["header_invalid", withField(8, 2n ** 53n)],
    chain_number_zero: ["header_invalid", withField(9, 0)],
    previous_digest_short: ["header_invalid", withField(10, new Uint8Array(31))],
    algorithms_four: ["header_invalid", withField(11, [...KNOWN_ALGORITHMS, "none"])],
    chunk_size_too_small: ["header_invalid", withField(12, 496)],
    chunk_size_too_large: ["header_invalid", withField(12, 16_400)],
    payload_too_small: ["header_invalid", withField(13, 63)],
    payload_too_large: ["header_invalid", withField(13, 2 ** 31 + 1)],
    unknown_key: ["header_invalid", make.bare({ header: (map) => map.set(14, 0) })],
    unknown_algorithm: ["header_invalid", make.bare({ header: (map) => map.set(11, algorithms) })],
    chunk_size_odd: ["header_invalid", make.bare({ header: (map) => map.set(12, 520) })],
    not_canonical: ["header_invalid", make.bare({ headerBytes: loose })],
  });
}

const KNOWN_ALGORITHMS = ["AES-256-KWP", "HMAC-SHA-256", "SHA-256"];

export async function bodyVectors(make: Maker): Promise<VectorTable> {
  const long = make.forged({
    records: [1, 2, 3].map((id) => recordOfLength(5, id, 50_000)),
    chunkBytes: 16_384,
  });
  const { envelope, body, file } = await make.seal({}, long);
  const sealed = await make.seal();
  const sibling = await make.seal({ seed: "sibling" });
  const [first, second, rest] = [
    body.subarray(0, 65_552),
    body.subarray(65_552, 131_104),
    body.subarray(131_104),
  ];
  const containerOther = await make.sealed({ containerDigest: (digest) => flip(digest, 0) });
  const otherDigest = await make.sealed({ bodyDigest: (digest) => flip(digest, 0) });
  return {
    three_segments: opens(long, file),
    flipped: refused("body_damaged", flip(sealed.file, -40)),
    segments_swapped: refused("body_damaged", join(envelope, second, first, rest)),
    of_sibling: refused("body_damaged", join(sealed.envelope, sibling.body)),
    container_other: refused("container_digest_mismatch", containerOther),
    digest_other: refused("body_digest_mismatch", otherDigest),
  };
}

/**
 * A record ends so many bytes before the seam of frames 0 and 1, and frame 1 is broken: of what is
 * changed behind the record only that is told whose item is complete before the seam.
 */
function atSeam(
  make: Maker,
  before: number,
  records: readonly SnapshotRecord[],
  payload: (pieces: PayloadPieces) => void,
): Uint8Array {
  const first = recordOfLength(1, 0, 512 - before - RECORD_PREFIX_BYTES);
  return make.bare({
    records: [first, ...records],
    payload: (pieces) => {
      payload(pieces);
      return pieces;
    },
    frames: (all) => all.map((frame, i) => (i === 1 ? flip(frame, 10) : frame)),
  });
}

const RECORD_PREFIX_BYTES = 13;
const MANIFEST_AND_FOOTER_BYTES = 41 + 60;

async function seamVectors(make: Maker): Promise<VectorTable> {
  const next = [recordOfLength(5, 1, 700)];
  const longest = (pieces: PayloadPieces) => {
    pieces.frames[1] = withBytes(pieces.frames[1]!, 0, ...u32(65_537));
  };
  const typeSix = (pieces: PayloadPieces) => {
    pieces.frames[1] = withBytes(pieces.frames[1]!, 4, 6);
  };
  const otherEntry = (pieces: PayloadPieces) => {
    pieces.manifest[0] = flip(pieces.manifest[0]!, 20);
  };
  const more = (pieces: PayloadPieces) => {
    pieces.footer = join(pieces.footer, new Uint8Array(600));
  };
  const end = 4 + MANIFEST_AND_FOOTER_BYTES;
  return await make.inside({
    behind_length_of_record: ["record_invalid", atSeam(make, 4, next, longest)],
    within_length_of_record: ["chunk_damaged", atSeam(make, 3, next, longest)],
    within_record: ["chunk_damaged", atSeam(make, 100, next, typeSix)],
    behind_footer: ["manifest_mismatch", atSeam(make, end, [], otherEntry)],
    within_footer: ["chunk_damaged", atSeam(make, end - 1, [], otherEntry)],
    behind_more: ["manifest_mismatch", atSeam(make, end + 1, [], more)],
    within_more: ["chunk_damaged", atSeam(make, end, [], more)],
  });
}

export async function chunkVectors(make: Maker): Promise<VectorTable> {
  const forged = make.forged();
  const at = (index: number) => KEY_BLOCK_BYTES + forged.front.length + 32 + index * 528;
  const sibling = make.forged({ seed: "sibling" });
  const bare = make.bare();
  const ofSibling = withBytes(
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
  return {
    ...(await seamVectors(make)),
    ...(await make.inside({
      flipped: ["chunk_damaged", flip(bare, at(1) + 100)],
      of_sibling: ["chunk_damaged", ofSibling],
      length_wrong: ["chunk_damaged", shorter],
      swapped: ["chunk_out_of_order", reframe([0, 2, 1, 3, last])],
      duplicated: ["chunk_out_of_order", reframe([0, 1, 1, 3, last])],
      dropped: ["chunk_out_of_order", reframe([0, 2, 3, 3, last])],
      reserved_set: [
        "chunk_out_of_order",
        make.bare({
          plainFrames: (all) => all.map((frame, i) => (i === 1 ? withBytes(frame, 7, 1) : frame)),
        }),
      ],
      last_flag_missing: ["chunk_out_of_order", setLast(last, 0)],
      last_flag_early: ["chunk_out_of_order", setLast(2, 1)],
      trailer_flipped: ["trailer_damaged", flip(bare, -1)],
    })),
  };
}
