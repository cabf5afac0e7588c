/**
 * One file for each way of being wrong: what is wrong with it, who reads it, and the code it must get.
 *
 * FORMAT.md §9.1 lists the same names. scripts/format-vectors.ts writes them to test/golden/faults/.
 */
import type { BackupFaultCode } from "../../src/backup/errors.ts";
import type { Keyring } from "../../src/backup/keys.ts";
import type { Core } from "../../src/crypto/core.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import type { SnapshotRecord } from "../../src/hsm/record.ts";
import type { ReaderName } from "./fault-readers.ts";
import { counterRandom, record, recordOfLength, testRing } from "./fixtures.ts";
import {
  type Forged,
  type Forgery,
  forge,
  forgeSeal,
  join,
  manifestEntry,
  type PayloadPieces,
  recordFrame,
  type SealForgery,
  u32,
} from "./forge.ts";

export interface FaultVector {
  readonly name: string;
  readonly code: BackupFaultCode;
  /** Of `key_mismatch`. */
  readonly which?: string;
  readonly reader: ReaderName;
  readonly bytes: Uint8Array;
}

/** Four full frames of 512 payload bytes, and a fifth. */
export const FAULT_MEMORY: readonly SnapshotRecord[] = [
  record(1, 0, "configuration"),
  record(2, 0, "policy"),
  record(3, 1, "admin", "verifier"),
  record(4, 1, "certificate"),
  recordOfLength(5, 1, 900),
  recordOfLength(5, 2, 1100),
];

type Row = readonly [
  name: string,
  code: BackupFaultCode,
  bytes: Uint8Array,
  reader?: ReaderName,
  which?: string,
];

export async function faultVectors(core: Core): Promise<FaultVector[]> {
  const make = new Maker(core);
  const rows: Row[] = [
    ...(await frontRows(make)),
    ...(await endRows(make)),
    ...(await envelopeRows(make)),
    ...(await keyRows(make)),
    ...keyBlockRows(make),
    ...headerRows(make),
    ...(await bodyRows(make)),
    ...chunkRows(make),
    ...recordRows(make),
    ...manifestRows(make),
  ];
  return rows.map(([name, code, bytes, reader = "owner", which]) => ({
    name,
    code,
    ...(which === undefined ? {} : { which }),
    reader,
    bytes,
  }));
}

class Maker {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }
  forged(forgery: Partial<Forgery> = {}): Forged {
    return forge(this.#core, { records: FAULT_MEMORY, ...forgery });
  }
  bare(forgery: Partial<Forgery> = {}): Uint8Array {
    const { keyBlock, container } = this.forged(forgery);
    return join(keyBlock, container);
  }
  async seal(forgery: SealForgery = {}, forged: Forged = this.forged()) {
    return await forgeSeal(this.#core, forged, { recipients: ["kms"], ...forgery });
  }
  async sealed(forgery: SealForgery = {}): Promise<Uint8Array> {
    return (await this.seal(forgery)).file;
  }
}

const KEY_BLOCK_BYTES = 176;
const HEADER_AT = KEY_BLOCK_BYTES + 16;

function flip(bytes: Uint8Array, at: number, mask = 1): Uint8Array {
  const flipped = bytes.slice();
  const index = at < 0 ? bytes.length + at : at;
  flipped[index] = (flipped[index] ?? 0) ^ mask;
  return flipped;
}

function withBytes(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const changed = bytes.slice();
  changed.set(values, at);
  return changed;
}

async function frontRows(make: Maker): Promise<Row[]> {
  const bare = make.bare();
  const sealed = await make.sealed();
  return [
    ["file_magic_unknown", "not_ours", withBytes(bare, 0, 0x50, 0x4b, 3, 4)],
    ["file_text_mode", "not_ours", textMode(bare)],
    ["container_magic_flipped", "not_ours", flip(bare, KEY_BLOCK_BYTES + 3)],
    ["key_block_version_2", "newer_version", withBytes(bare, 8, 0, 2)],
    ["key_block_suite_2", "newer_version", withBytes(bare, 10, 0, 2)],
    ["container_version_2", "newer_version", withBytes(bare, KEY_BLOCK_BYTES + 8, 0, 2)],
    ["envelope_version_2", "newer_version", withBytes(sealed, 8, 0, 2)],
  ];
}

/** What a transfer in text mode makes of line ends. */
function textMode(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes].filter((byte, i) => !(byte === 0x0d && bytes[i + 1] === 0x0a)));
}

async function endRows(make: Maker): Promise<Row[]> {
  const bare = make.bare();
  const sealed = await make.sealed();
  const { envelope } = await make.seal();
  return [
    ["bare_cut_key_block", "truncated", bare.subarray(0, 100)],
    ["bare_cut_header", "truncated", bare.subarray(0, HEADER_AT + 40)],
    ["bare_cut_chunks", "truncated", bare.subarray(0, 1500)],
    ["bare_cut_trailer", "truncated", bare.subarray(0, -1)],
    ["sealed_cut_envelope", "truncated", sealed.subarray(0, 200)],
    ["sealed_cut_body", "truncated", sealed.subarray(0, envelope.length + 1000)],
    ["bare_trailing_byte", "trailing_data", join(bare, Uint8Array.of(0))],
    ["sealed_trailing_byte", "trailing_data", join(sealed, Uint8Array.of(0))],
  ];
}

async function envelopeRows(make: Maker): Promise<Row[]> {
  const { file, envelope, body } = await make.seal();
  const clearBytes = envelope.length - 16 - 12 - 192;
  const notShortest = join(
    envelope.subarray(0, 16),
    Uint8Array.of(0xb8, 0x05),
    envelope.subarray(17),
  );
  const longer = withBytes(notShortest, 12, ...u32(clearBytes + 1));
  return [
    ["envelope_reserved_set", "envelope_damaged", withBytes(file, 11, 1)],
    ["envelope_clear_too_long", "envelope_damaged", withBytes(file, 12, ...u32(16_385))],
    ["envelope_clear_not_canonical", "envelope_damaged", join(longer, body)],
    ["envelope_digest_flipped", "envelope_damaged", flip(file, digestAt(envelope))],
    ["envelope_sealed_flipped", "envelope_damaged", flip(file, envelope.length - 1)],
    ["envelope_other_location", "location_mismatch", file, "expecting another place"],
  ];
}

/** Inside the body digest: behind `03 58 20`, key 3 and the head of 32 bytes. */
function digestAt(envelope: Uint8Array): number {
  return Buffer.from(envelope).indexOf(Uint8Array.of(3, 0x58, 32)) + 10;
}

async function keyRows(make: Maker): Promise<Row[]> {
  const bare = make.bare();
  const sealed = await make.sealed();
  const forKit = await make.sealed({ recipients: ["recovery"] });
  const cmkFlipped = await make.sealed({ recipient: flipWrap });
  const kitFlipped = await make.sealed({ recipients: ["recovery"], recipient: flipWrap });
  const moved = Buffer.from(sealed).indexOf("eu-central-1");
  const other = otherManufacturer();
  return [
    ["cmk_absent", "key_mismatch", sealed, "without the cmk", "cmk"],
    ["cmk_wrong", "key_mismatch", sealed, "another cmk of that id", "cmk"],
    ["cmk_wrap_flipped", "key_mismatch", cmkFlipped, "owner", "cmk"],
    ["cmk_location_changed", "key_mismatch", withBytes(sealed, moved, 0x75), "owner", "cmk"],
    ["recovery_absent", "key_mismatch", forKit, "holder of another kit", "recovery"],
    ["recovery_wrap_flipped", "key_mismatch", kitFlipped, "kit holder", "recovery"],
    ["mkbk_absent", "key_mismatch", bare, "without the mkbk", "mkbk"],
    ["mkbk_destroyed", "key_mismatch", bare, "mkbk destroyed", "mkbk"],
    ["mkbk_wrong", "key_mismatch", bare, "another mkbk of that id", "pbk"],
    ["akbk_absent", "key_mismatch", bare, "without the akbk", "akbk"],
    ["akbk_destroyed", "key_mismatch", bare, "akbk destroyed", "akbk"],
    ["akbk_wrong", "key_mismatch", bare, "another akbk of that id", "pbk"],
    ["manufacturer_other", "manufacturer_mismatch", make.bare({ ring: other })],
    [
      "manufacturer_renamed",
      "manufacturer_mismatch",
      make.bare({ header: (map) => map.set(6, "X") }),
    ],
    ["mode_other", "mode_mismatch", bare, "in FIPS mode"],
    ["backup_other", "wrong_backup", bare, "expecting another backup"],
  ];
}

function flipWrap(recipients: Parameters<NonNullable<SealForgery["recipient"]>>[0]) {
  return recipients.map((recipient) => ({ ...recipient, wrapped: flip(recipient.wrapped, -1) }));
}

function otherManufacturer(): Keyring {
  const random = counterRandom("another manufacturer");
  const id = random(16);
  const key = new SecretKey(random(32));
  const mkbk = [{ id, version: 1, state: "active" as const, key }];
  return { manufacturer: "Another Works", mkbk, akbk: testRing().akbk };
}

function keyBlockRows(make: Maker): Row[] {
  const bare = make.bare();
  const sibling = make.forged({ seed: "sibling", origin: { chainNumber: 2 } });
  return [
    ["key_block_reserved_set", "key_block_damaged", withBytes(bare, 15, 1)],
    ["key_block_wrap_flipped", "key_block_damaged", flip(bare, 100)],
    ["key_block_of_sibling", "header_damaged", join(sibling.keyBlock, make.forged().container)],
  ];
}

function headerRows(make: Maker): Row[] {
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

async function bodyRows(make: Maker): Promise<Row[]> {
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

function chunkRows(make: Maker): Row[] {
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

function recordRows(make: Maker): Row[] {
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

function manifestRows(make: Maker): Row[] {
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
