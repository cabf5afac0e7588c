/**
 * Fault vectors of the outside: magic numbers, versions, ends, envelopes, keys that do not fit.
 */
import type { Keyring } from "../../../src/backup/format/keys.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { counterRandom, testRing } from "../fixtures.ts";
import { join, type SealForgery, u32 } from "./forge.ts";
import { flip, HEADER_AT, KEY_BLOCK_BYTES, type Maker, type Row, withBytes } from "./maker.ts";

export async function frontRows(make: Maker): Promise<Row[]> {
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

export async function endRows(make: Maker): Promise<Row[]> {
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

export async function envelopeRows(make: Maker): Promise<Row[]> {
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

export async function keyRows(make: Maker): Promise<Row[]> {
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
