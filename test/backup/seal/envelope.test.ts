/** Envelopes: what one says before anything is opened, and who opens it. FORMAT.md §7.3, §7.4. */
import { describe, expect, it } from "vitest";
import { memoryFile } from "../../../src/backup/file.ts";
import type { BackupError } from "../../../src/backup/format/errors.ts";
import { ENVELOPE } from "../../../src/backup/format/layout.ts";
import { importGcmKey } from "../../../src/backup/seal/aes-gcm.ts";
import type { Openers } from "../../../src/backup/seal/data-key.ts";
import { decodeEnvelope, openEnvelope, sealEnvelope } from "../../../src/backup/seal/envelope.ts";
import { type Kms, localKms } from "../../../src/backup/seal/kms.ts";
import { RECIPIENT, type Recipient, type SealAddress } from "../../../src/backup/seal/recipient.ts";
import { openSeal, readdressSeal } from "../../../src/backup/seal/recipients.ts";
import { recoveryKeyId } from "../../../src/backup/seal/recovery-keys.ts";
import { verifyBackup } from "../../../src/backup/verify.ts";
import type { Core } from "../../../src/crypto/core.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { loadCore } from "../../lib/core.ts";
import {
  counterRandom,
  faultOf,
  LOCATION,
  recoveryKey,
  recoveryPublicKey,
  SMALL_MEMORY,
  sealedBackup,
  subtle,
  testKit,
  testKms,
  testRing,
} from "../fixtures.ts";
import { forge, forgeSeal, join, UNKNOWN_KIND } from "../vectors/forge.ts";

const core: Core = await loadCore();
const ring = testRing();

describe("an envelope", () => {
  it("is refused for reserved bytes that are set, and for a length that is none", async () => {
    const { store } = await sealedBackup(core, "envelope");
    const faultWith = (change: (view: DataView) => void) => {
      const envelope = store.envelope.slice();
      change(new DataView(envelope.buffer));
      return faultOf(() => decodeEnvelope(envelope));
    };
    expect(faultWith(() => {})).toBeNull();
    expect(faultWith((view) => view.setUint16(ENVELOPE.reserved, 1))).toEqual({
      code: "envelope_damaged",
      why: "reserved bytes are set",
    });
    for (const length of [0, 0xffff_ffff]) {
      expect(faultWith((view) => view.setUint32(ENVELOPE.clearBytes, length))).toEqual({
        code: "envelope_damaged",
        why: `its clear part has ${length} bytes`,
      });
    }
  });

  it("is opened by a key that cannot be read out of the platform again", async () => {
    using key = new SecretKey(new Uint8Array(32).fill(3));
    expect((await importGcmKey(subtle, key)).extractable).toBe(false);
  });

  it("for another place and other recipients opens the same body there", async () => {
    const forged = forge(core, { records: SMALL_MEMORY });
    const seal = await forgeSeal(core, forged, { recipients: [RECIPIENT.kms] });
    const { clear } = decodeEnvelope(seal.envelope);
    const openers = { kms: testKms(), recoveryKeys: [] };
    using keys = await openSeal({ core, subtle }, openers, clear);
    const keyBlock = await openEnvelope(subtle, keys, decodeEnvelope(seal.envelope));
    const random = counterRandom("readdress");
    const platform = { core, subtle, random };
    const location = { ...LOCATION, region: "us-east-1", backupId: "backup-ccccccccccc" };
    const recipients = { kms: null, recoveryKeys: [recoveryPublicKey()] };
    using moved = await readdressSeal(platform, openers, clear, recipients, location);
    const { bodyBytes, bodyDigest } = clear;
    const moving = { ...moved, bodyBytes, bodyDigest };
    const envelope = await sealEnvelope(subtle, random, moved, moving, keyBlock);
    const byKit = { kms: null, recoveryKeys: testKit().recoveryKeys };
    const file = memoryFile(join(envelope, seal.body));
    const verified = await verifyBackup(platform, ring, byKit, file, { expected: { location } });
    expect(verified.location).toEqual(location);
    expect(verified.header.backupId).toBe(LOCATION.backupId);
    await expect(verifyBackup(platform, ring, openers, file)).rejects.toMatchObject({
      fault: { code: "key_mismatch", which: "recovery", found: "absent" },
    });
  });

  const forged = forge(core, { records: SMALL_MEMORY });
  const foreign: Recipient = {
    kind: RECIPIENT.kms,
    keyId: "kms of another region",
    wrapped: new Uint8Array(61),
  };
  const toOthers = async (seal: SealAddress, replaced: readonly string[] = []) => {
    const platform = { core, subtle, random: counterRandom("the same place") };
    const openers = { kms: testKms(), recoveryKeys: [] };
    const nobody = { kms: null, recoveryKeys: [] };
    return await readdressSeal(platform, openers, seal, nobody, seal.location, replaced);
  };

  it("at the same place keeps who is not replaced, unknown kinds too, and counts on", async () => {
    const { envelope } = await forgeSeal(core, forged, { recipients: [UNKNOWN_KIND, 1, 2] });
    const { clear } = decodeEnvelope(envelope);
    using next = await toOthers(clear, [testKms().keyId ?? ""]);
    expect(next.recipients).toEqual([clear.recipients[0], clear.recipients[2]]);
    expect(next.envelopeNumber).toBe(2);
    expect(next.commitment).toEqual(clear.commitment);
  });

  it("is not made without the last recovery key, nor for nobody", async () => {
    const { clear } = decodeEnvelope((await forgeSeal(core, forged)).envelope);
    const kit = recoveryKey().id;
    await expect(toOthers(clear, [kit])).rejects.toThrow(RangeError);
    const single = decodeEnvelope(
      (await forgeSeal(core, forged, { recipients: [1] })).envelope,
    ).clear;
    await expect(toOthers(single, [testKms().keyId ?? ""])).rejects.toThrow(RangeError);
  });

  const codeWith = async (recipients: readonly Recipient[], openers: Openers) => {
    const seal = await forgeSeal(core, forged, { recipient: (own) => [...recipients, ...own] });
    return await openSeal({ core, subtle }, openers, decodeEnvelope(seal.envelope).clear).then(
      () => "opened",
      (error: BackupError) => error.fault,
    );
  };
  const byKit = { kms: null, recoveryKeys: testKit().recoveryKeys };

  it("for several KMS keys opens with any of them, and with a kit where none is there", async () => {
    const stranger = { id: "x", state: "active" as const, key: new SecretKey(new Uint8Array(32)) };
    const otherKms = localKms(subtle, counterRandom("other"), [stranger]);
    expect(await codeWith([foreign], { kms: testKms(), recoveryKeys: [] })).toBe("opened");
    expect(await codeWith([foreign], { ...byKit, kms: otherKms })).toBe("opened");
    expect(await codeWith([foreign], { kms: otherKms, recoveryKeys: [] })).toMatchObject({
      which: "cmk",
      found: "absent",
    });
  });

  it("with nothing to open it says which key it needs", async () => {
    const nothing = { kms: null, recoveryKeys: [] };
    expect(await codeWith([], nothing)).toMatchObject({ which: "cmk", id: testKms().keyId });
  });

  it("whose data key has another length is refused", async () => {
    const short: Kms = { ...testKms(), unwrap: async () => new SecretKey(new Uint8Array(16)) };
    expect(await codeWith([], { kms: short, recoveryKeys: [] })).toMatchObject({
      which: "cmk",
      found: "refused",
    });
  });

  it("names the recovery key by the digest of its public half", () => {
    for (const algorithm of ["hybrid", "rsa"] as const) {
      const id = recoveryKeyId(core, recoveryPublicKey(algorithm));
      expect(id).toBe(recoveryKey(algorithm).id);
    }
  });
});
