/**
 * Vectors of the file as a whole: magic numbers, versions, ends.
 */
import { join, u32 } from "./forge.ts";
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

export async function fileVectors(make: Maker): Promise<VectorTable> {
  const bare = make.bare();
  const sealed = await make.sealed();
  const part = "container";
  return {
    ...(await soundFiles(make)),
    magic_unknown: refused("not_ours", withBytes(bare, 0, 0x50, 0x4b, 3, 4), { part: "file" }),
    text_mode: refused("not_ours", textMode(bare), { part: "file" }),
    key_block_version_2: refused("newer_version", withBytes(bare, 8, 0, 2), { part: "key_block" }),
    key_block_suite_2: refused("newer_version", withBytes(bare, 10, 0, 2), { part: "key_block" }),
    envelope_version_2: refused("newer_version", withBytes(sealed, 8, 0, 2), { part: "envelope" }),
    ...(await make.inside({
      container_magic_flipped: ["not_ours", flip(bare, KEY_BLOCK_BYTES + 3), { part }],
      container_version_2: ["newer_version", withBytes(bare, KEY_BLOCK_BYTES + 8, 0, 2), { part }],
    })),
    ...(await endVectors(make)),
  };
}

/** The files that all others differ from in one place. */
async function soundFiles(make: Maker): Promise<VectorTable> {
  const forged = make.forged();
  const both = await make.seal({ recipients: ["kms", "recovery"] });
  const other = await make.seal({ recipients: ["recovery", "kms"] });
  const forKit = await make.seal({ recipients: ["recovery"] });
  const one = make.forged({ records: FAULT_MEMORY.slice(0, 1), chunkBytes: 16_384 });
  return {
    sound_bare: opens(forged, make.bare(), { keys: ["owner", "ring_alone"] }),
    sound_one_frame: opens(one, join(one.keyBlock, one.container)),
    sound_for_kms: opens(forged, await make.sealed()),
    sound_for_kit: opens(forged, forKit.file, { keys: ["kit_holder", "kit_and_kms"] }),
    sound_for_both: opens(forged, both.file, { keys: ["owner", "kit_holder", "kit_and_kms"] }),
    sound_for_both_kit_first: opens(forged, other.file, { keys: ["owner", "kit_holder"] }),
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
  return {
    reserved_set: damaged(withBytes(file, 11, 1)),
    clear_too_long: damaged(withBytes(file, 12, ...u32(16_385))),
    clear_not_canonical: damaged(join(longer, body)),
    digest_flipped: damaged(flip(file, digestAt(envelope))),
    sealed_flipped: damaged(flip(file, envelope.length - 1)),
  };
}

/** Inside the body digest: behind `03 58 20`, key 3 and the head of 32 bytes. */
function digestAt(envelope: Uint8Array): number {
  return Buffer.from(envelope).indexOf(Uint8Array.of(3, 0x58, 32)) + 10;
}
