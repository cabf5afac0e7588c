/**
 * Vectors of keys that do not fit, and of expectations that are not met.
 */
import { createHash } from "node:crypto";
import type { Keyring } from "../../../src/backup/format/keys.ts";
import type { Recipient } from "../../../src/backup/seal/recipient.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { counterRandom, LOCATION, testRing } from "../fixtures.ts";
import { flip, type Maker, opens, refused, type VectorTable, withBytes } from "./maker.ts";
import { BASE_POINT, LOW_ORDER, oddHybridWrap } from "./odd-hybrid.ts";

/** Those that open a seal. */
export async function openerVectors(make: Maker): Promise<VectorTable> {
  const sealed = await make.sealed();
  const forHybrid = await make.sealed({ recipients: [3] });
  const forRsa = await make.sealed({ recipients: [2] });
  const cmkFlipped = await make.sealed({ recipient: flipWraps });
  const rsaFlipped = await make.sealed({ recipients: [2], recipient: flipWraps });
  const hybridFlipped = await make.sealed({ recipients: [3], recipient: flipWraps });
  const encFlipped = await make.sealed({
    recipients: [3],
    recipient: (all) => all.map((one) => ({ ...one, wrapped: flip(one.wrapped, 0) })),
  });
  const moved = withBytes(sealed, Buffer.from(sealed).indexOf("eu-central-1"), 0x75);
  const cmk = { which: "cmk" } as const;
  const recovery = { which: "recovery" } as const;
  const behindOther = await make.seal({
    recipients: [3, 2],
    recipient: (all) => all.map((one, i) => (i === 0 ? { ...one, keyId: "00".repeat(16) } : one)),
  });
  const withPoint = async (xPoint: Uint8Array) => {
    const wrapped = oddHybridWrap("forge", LOCATION, xPoint);
    const recipient = (all: Recipient[]) => all.map((one) => ({ ...one, wrapped }));
    return await make.sealed({ recipients: [3], recipient });
  };
  const holder = { keys: ["kit_holder"] } as const;
  return {
    hybrid_base_point: opens(make.forged(), await withPoint(BASE_POINT[0]!), holder),
    hybrid_base_point_above_p: opens(make.forged(), await withPoint(BASE_POINT[1]!), holder),
    hybrid_base_point_high_bit: opens(make.forged(), await withPoint(BASE_POINT[2]!), holder),
    hybrid_gives_zeros: refused("key_mismatch", await withPoint(LOW_ORDER[0]!), {
      ...recovery,
      ...holder,
    }),
    hybrid_gives_zeros_of_order_8: refused("key_mismatch", await withPoint(LOW_ORDER[2]!), {
      ...recovery,
      ...holder,
    }),
    cmk_gives_16_bytes: refused("key_mismatch", await make.sealed({ dataKeyBytes: 16 }), cmk),
    recovery_gives_33_bytes: refused(
      "key_mismatch",
      await make.sealed({ recipients: [2], dataKeyBytes: 33 }),
      { ...recovery, keys: ["kit_holder"] },
    ),
    cmk_absent: refused("key_mismatch", sealed, { ...cmk, keys: ["cmk_absent"] }),
    cmk_destroyed: refused("key_mismatch", sealed, { ...cmk, keys: ["cmk_destroyed"] }),
    cmk_replaced: refused("key_mismatch", sealed, { ...cmk, keys: ["cmk_replaced"] }),
    cmk_wrap_flipped: refused("key_mismatch", cmkFlipped, cmk),
    cmk_location_changed: refused("key_mismatch", moved, cmk),
    hybrid_absent: refused("key_mismatch", forHybrid, {
      ...recovery,
      keys: ["other_recovery_keys", "rsa_holder", "ring_alone", "public_halves"],
    }),
    rsa_absent: refused("key_mismatch", forRsa, {
      ...recovery,
      keys: ["other_recovery_keys", "hybrid_holder", "public_halves"],
    }),
    hybrid_not_asked: refused("key_mismatch", await make.sealed({ recipients: [1, 3] }), {
      ...cmk,
      keys: ["public_halves_and_kms"],
    }),
    hybrid_replaced: refused("key_mismatch", forHybrid, {
      ...recovery,
      keys: ["recovery_replaced"],
    }),
    rsa_replaced: refused("key_mismatch", forRsa, {
      ...recovery,
      keys: ["recovery_replaced", "recovery_rsa_short", "recovery_rsa_unreadable"],
    }),
    rsa_wrap_flipped: refused("key_mismatch", rsaFlipped, {
      ...recovery,
      keys: ["kit_holder"],
    }),
    hybrid_wrap_flipped: refused("key_mismatch", hybridFlipped, {
      ...recovery,
      keys: ["kit_holder"],
    }),
    hybrid_encapsulation_flipped: refused("key_mismatch", encFlipped, {
      ...recovery,
      keys: ["kit_holder"],
    }),
    second_key_of_kit: opens(make.forged(), behindOther.file, { keys: ["kit_holder"] }),
  };
}

function flipWraps(recipients: readonly Recipient[]): Recipient[] {
  return recipients.map((recipient) => ({ ...recipient, wrapped: flip(recipient.wrapped, -1) }));
}

/** Those of the hierarchy: MKBK, AKBK, and the manufacturer whose they are. */
export async function ringVectors(make: Maker): Promise<VectorTable> {
  const bare = make.bare();
  const renamed = make.bare({ header: (map) => map.set(6, "X") });
  return await make.inside({
    mkbk_absent: ["key_mismatch", bare, { which: "mkbk", keys: ["mkbk_absent"] }],
    mkbk_destroyed: ["key_mismatch", bare, { which: "mkbk", keys: ["mkbk_destroyed"] }],
    mkbk_replaced: ["key_mismatch", bare, { which: "pbk", keys: ["mkbk_replaced"] }],
    akbk_absent: ["key_mismatch", bare, { which: "akbk", keys: ["akbk_absent"] }],
    akbk_destroyed: ["key_mismatch", bare, { which: "akbk", keys: ["akbk_destroyed"] }],
    akbk_replaced: ["key_mismatch", bare, { which: "pbk", keys: ["akbk_replaced"] }],
    mkbk_destroyed_renamed: ["key_mismatch", renamed, { which: "mkbk", keys: ["mkbk_destroyed"] }],
    manufacturer_other: ["manufacturer_mismatch", make.bare({ ring: otherManufacturer() })],
    manufacturer_renamed: ["manufacturer_mismatch", renamed],
  });
}

function otherManufacturer(): Keyring {
  const random = counterRandom("another manufacturer");
  const id = random(16);
  const key = new SecretKey(random(32));
  const mkbk = [{ id, version: 1, state: "active" as const, key }];
  return { manufacturer: "Another Works", mkbk, akbk: testRing().akbk };
}

/** Genuine backups, of which another thing was expected. */
export async function expectationVectors(make: Maker): Promise<VectorTable> {
  const bare = make.bare();
  const elsewhere = { location: { ...LOCATION, region: "us-east-1" } };
  const { account: _, region: __, ...outside } = LOCATION;
  const expecting = { expectation: { backupId: "backup-zzzzzzzzzzz" } };
  const another = { expectation: { clusterId: "cluster-zzzzzzzzzzz" } };
  const lineage = { expectation: { lineageId: "cluster-zzzzzzzzzzz" } };
  const digest = { expectation: { containerDigest: "00".repeat(32) } };
  return {
    seal_missing: refused("seal_missing", bare, { expectation: { sealed: true } }),
    location_of_bare: refused("seal_missing", bare, { expectation: { location: LOCATION } }),
    location_other: refused("location_mismatch", await make.sealed(), { expectation: elsewhere }),
    location_outside: refused("location_mismatch", await make.sealed(), {
      expectation: { location: outside },
    }),
    location_inside: refused(
      "location_mismatch",
      await make.sealed({ recipients: [2], location: outside }),
      { expectation: { location: LOCATION }, keys: ["kit_holder"] },
    ),
    ...(await chainVectors(make)),
    ...(await envelopeVectors(make)),
    ...(await make.inside({
      mode_other: ["mode_mismatch", bare, { expectation: { mode: "FIPS" } }],
      backup_other: ["wrong_backup", bare, expecting],
      cluster_other: ["wrong_backup", bare, another],
      lineage_other: ["wrong_backup", bare, lineage],
      container_digest_other: ["wrong_backup", bare, digest],
    })),
  };
}

/** Against the newest envelope that is known. */
async function envelopeVectors(make: Maker): Promise<VectorTable> {
  const forged = make.forged();
  const first = await make.seal();
  const second = await make.seal({ envelopeNumber: 2 });
  const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  const newest = { number: 2, digest: digest(second.envelope) };
  const expecting = (envelope: typeof newest) => ({ expectation: { envelope } });
  const otherNumber = { ...newest, number: 1 };
  const otherDigest = { number: 1, digest: newest.digest };
  return {
    envelope_newest: opens(forged, second.file, expecting(newest)),
    envelope_older: refused("envelope_replaced", first.file, expecting(newest)),
    envelope_other: refused("envelope_replaced", first.file, expecting(otherDigest)),
    envelope_renumbered: refused("envelope_replaced", second.file, expecting(otherNumber)),
    envelope_of_bare: refused("seal_missing", make.bare(), expecting(newest)),
    envelope_flipped: refused("envelope_damaged", flip(second.file, second.envelope.length - 1), {
      ...expecting(newest),
    }),
  };
}

/** Against the checkpoint of a kit, which knows another backup 3. */
async function chainVectors(make: Maker): Promise<VectorTable> {
  const third = make.forged({ origin: { chainNumber: 3 } });
  const { file } = await make.seal({ recipients: [3] }, third);
  const second = make.forged({ origin: { chainNumber: 2 } });
  const older = (await make.seal({ recipients: [3] }, second)).file;
  return {
    chain_other: refused("chain_mismatch", file, { keys: ["other_chain"] }),
    chain_older: opens(second, older, { keys: ["other_chain"] }),
  };
}
