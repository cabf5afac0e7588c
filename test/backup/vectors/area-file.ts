/**
 * Vectors of the file as a whole: magic numbers, versions, ends.
 */
import { LOCATION } from "../fixtures.ts";
import { join, UNKNOWN_KIND, u32 } from "./forge.ts";
import {
  FAULT_MEMORY,
  flip,
  HEADER_AT,
  KEY_BLOCK_BYTES,
  type Maker,
  opens,
  refused,
  type VectorTable,
  withBytes,
} from "./maker.ts";

/** Of a copy that no deployment holds. */
const OUTSIDE = { clusterId: LOCATION.clusterId, backupId: LOCATION.backupId };

export async function fileVectors(make: Maker): Promise<VectorTable> {
  const bare = make.bare();
  const sealed = await make.sealed();
  const part = "container";
  return {
    ...(await soundFiles(make)),
    magic_unknown: refused("not_ours", withBytes(bare, 0, 0x50, 0x4b, 3, 4), { part: "file" }),
    short_foreign: refused("not_ours", Uint8Array.of(0x89, 0x48, 0x50), { part: "file" }),
    short_ours: refused("truncated", bare.subarray(0, 3), { part: "envelope" }),
    empty: refused("truncated", bare.subarray(0, 0), { part: "envelope" }),
    key_block_version_0: refused("not_ours", withBytes(bare, 8, 0, 0), { part: "key_block" }),
    key_block_suite_0: refused("not_ours", withBytes(bare, 10, 0, 0), { part: "key_block" }),
    envelope_version_0: refused("not_ours", withBytes(sealed, 8, 0, 0), { part: "envelope" }),
    text_mode: refused("not_ours", textMode(bare), { part: "file" }),
    key_block_version_2: refused("newer_version", withBytes(bare, 8, 0, 2), { part: "key_block" }),
    key_block_suite_2: refused("newer_version", withBytes(bare, 10, 0, 2), { part: "key_block" }),
    envelope_version_2: refused("newer_version", withBytes(sealed, 8, 0, 2), { part: "envelope" }),
    ...(await make.inside({
      container_version_0: ["not_ours", withBytes(bare, KEY_BLOCK_BYTES + 8, 0, 0), { part }],
      container_magic_flipped: ["not_ours", flip(bare, KEY_BLOCK_BYTES + 3), { part }],
      container_version_2: ["newer_version", withBytes(bare, KEY_BLOCK_BYTES + 8, 0, 2), { part }],
    })),
    ...(await endVectors(make)),
  };
}

/** The files that all others differ from in one place. */
async function soundFiles(make: Maker): Promise<VectorTable> {
  const forged = make.forged();
  const both = await make.seal({ recipients: [1, 3] });
  const other = await make.seal({ recipients: [3, 1] });
  const rsa = await make.seal({ recipients: [2] });
  const hybrid = await make.seal({ recipients: [3] });
  const all = await make.seal({ recipients: [2, UNKNOWN_KIND, 3, 1] });
  const outside = await make.seal({ recipients: [3], location: OUTSIDE });
  const outsideRsa = await make.seal({ recipients: [2, 3], location: OUTSIDE });
  const kept = await make.seal({ recipients: [UNKNOWN_KIND, 1] });
  const second = await make.sealed({ envelopeNumber: 2 });
  const one = make.forged({ records: FAULT_MEMORY.slice(0, 1), chunkBytes: 16_384 });
  return {
    sound_bare: opens(forged, make.bare(), { keys: ["owner", "ring_alone"] }),
    sound_one_frame: opens(one, join(one.keyBlock, one.container)),
    sound_for_kms: opens(forged, await make.sealed()),
    sound_for_hybrid: opens(forged, hybrid.file, {
      keys: ["kit_holder", "kit_and_kms", "hybrid_holder"],
    }),
    sound_for_rsa: opens(forged, rsa.file, { keys: ["kit_holder", "rsa_holder"] }),
    sound_for_all: opens(forged, all.file, {
      keys: ["owner", "kit_holder", "hybrid_holder", "rsa_holder"],
    }),
    sound_for_both: opens(forged, both.file, { keys: ["owner", "kit_holder", "kit_and_kms"] }),
    sound_for_both_kit_first: opens(forged, other.file, { keys: ["owner", "kit_holder"] }),
    sound_for_unknown_and_kms: opens(forged, kept.file),
    sound_outside: opens(forged, outside.file, {
      keys: ["kit_holder"],
      expectation: { location: OUTSIDE },
    }),
    sound_outside_for_two: opens(forged, outsideRsa.file, { keys: ["rsa_holder"] }),
    sound_second_envelope: opens(forged, second),
  };
}

/** What a transfer in text mode makes of line ends. */
function textMode(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes].filter((byte, i) => !(byte === 0x0d && bytes[i + 1] === 0x0a)));
}

async function endVectors(make: Maker): Promise<VectorTable> {
  const bare = make.bare();
  const { file, envelope } = await make.seal();
  const cut = (bytes: Uint8Array, end: number, part: "key_block" | "container") =>
    refused("truncated", bytes.subarray(0, end), { part });
  return {
    bare_cut_version: cut(bare, 9, "key_block"),
    bare_cut_prologue: cut(bare, KEY_BLOCK_BYTES + 12, "container"),
    sealed_cut_prologue: refused("truncated", file.subarray(0, 14), { part: "envelope" }),
    sealed_cut_reserved: refused("envelope_damaged", withBytes(file, 11, 1).subarray(0, 14)),
    bare_cut_key_block: cut(bare, 100, "key_block"),
    bare_cut_header: cut(bare, HEADER_AT + 40, "container"),
    bare_cut_chunks: cut(bare, 1500, "container"),
    bare_cut_trailer: cut(bare, -1, "container"),
    sealed_cut_envelope: refused("truncated", file.subarray(0, 200), { part: "envelope" }),
    sealed_cut_body: refused("truncated", file.subarray(0, envelope.length + 1000), {
      part: "body",
    }),
    bare_trailing_byte: refused("trailing_data", join(bare, Uint8Array.of(0))),
    sealed_trailing_byte: refused("trailing_data", join(file, Uint8Array.of(0))),
  };
}

export async function envelopeVectors(make: Maker): Promise<VectorTable> {
  const { file, envelope, body } = await make.seal();
  const clearBytes = envelope.length - 16 - 12 - 192;
  const notShortest = join(
    envelope.subarray(0, 16),
    Uint8Array.of(0xb8, envelope[16]! & 0x1f),
    envelope.subarray(17),
  );
  const longer = withBytes(notShortest, 12, ...u32(clearBytes + 1));
  const damaged = (bytes: Uint8Array) => refused("envelope_damaged", bytes);
  const field = async (key: number, value: unknown) =>
    damaged(await make.sealed({ clear: (map) => map.set(key, value) }));
  const recipient = async (...items: unknown[]) => await field(8, [items]);
  const wrap = new Uint8Array(61);
  const unknown = await make.sealed({ recipients: [UNKNOWN_KIND] });
  const { account, region, clusterId, backupId } = LOCATION;
  return {
    commitment_other: damaged(await make.sealed({ commitment: (bytes) => flip(bytes, 0) })),
    container_digest_flipped: damaged(flip(file, digestAt(envelope, 4))),
    number_zero: await field(6, 0),
    number_too_large: await field(6, 2 ** 32),
    location_of_three: await field(7, [account, region, clusterId]),
    location_of_five: await field(7, [account, region, clusterId, backupId, ""]),
    location_text_empty: await field(7, [account, "", clusterId, backupId]),
    kms_outside: damaged(await make.sealed({ location: OUTSIDE })),
    recipients_none: await field(8, []),
    recipients_nine: await field(
      8,
      Array.from({ length: 9 }, (_, i) => [9, `${i}`, wrap]),
    ),
    recipient_of_four: await recipient(1, "local/golden-2", wrap, 0),
    recipient_kind_zero: await recipient(0, "local/golden-2", wrap),
    recipient_kind_too_large: await recipient(65_536, "local/golden-2", wrap),
    recipient_twice: damaged(await make.sealed({ recipients: [1, 1] })),
    recipient_rsa_length: await recipient(2, "0".repeat(32), wrap),
    recipient_hybrid_length: await recipient(3, "0".repeat(32), new Uint8Array(1120)),
    recipient_wrap_empty: await recipient(1, "local/golden-2", new Uint8Array(0)),
    recipient_wrap_too_long: await recipient(1, "local/golden-2", new Uint8Array(6145)),
    recipients_all_unknown: refused("recipients_unknown", unknown, {
      keys: ["owner", "kit_holder"],
    }),
    clear_empty: damaged(withBytes(file, 12, ...u32(0))),
    clear_trailing: damaged(await make.sealed({ clearBytes: (map) => join(map, u32(0)) })),
    clear_no_map: damaged(await make.sealed({ clearBytes: () => Uint8Array.of(0x80) })),
    clear_nested: damaged(
      await make.sealed({ clearBytes: () => new Uint8Array(32_768).fill(0x81) }),
    ),
    body_too_small: await field(2, 176),
    body_too_large: await field(2, 2_215_137_377),
    body_of_no_container: await field(2, 65_568),
    body_digest_short: await field(3, wrap.subarray(0, 31)),
    container_digest_long: await field(4, wrap.subarray(0, 33)),
    commitment_short: await field(5, wrap.subarray(0, 16)),
    number_negative: await field(6, -1),
    number_as_text: await field(6, "1"),
    location_text_long: await field(7, [account, region, clusterId, "b".repeat(2049)]),
    location_no_array: await field(7, account),
    recipient_of_two: await recipient(1, "local/golden-2"),
    recipient_name_empty: await recipient(1, "", wrap),
    recipient_name_long: await recipient(1, "k".repeat(2049), wrap),
    recipient_no_array: await field(8, [1]),
    recipient_unknown_twice: await field(8, [
      [9, "a", wrap],
      [9, "a", wrap.subarray(1)],
      [1, "local/golden-2", wrap],
    ]),
    seal_id_short: await field(1, wrap.subarray(0, 15)),
    unknown_field: await field(9, 0),
    reserved_set: damaged(withBytes(file, 11, 1)),
    clear_too_long: damaged(withBytes(file, 12, ...u32(32_769))),
    clear_not_canonical: damaged(join(longer, body)),
    digest_flipped: damaged(flip(file, digestAt(envelope, 3))),
    sealed_flipped: damaged(flip(file, envelope.length - 1)),
  };
}

/** Inside the 32 bytes of field `key`, behind it and their head. */
function digestAt(envelope: Uint8Array, key: number): number {
  return Buffer.from(envelope).indexOf(Uint8Array.of(key, 0x58, 32)) + 10;
}
