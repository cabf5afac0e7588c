/**
 * The key hierarchy, key blocks and recipients: derivation, rotation, states, moving an envelope.
 */
import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { rewrapKeyBlock, unwrapKeyBlock } from "../../../src/backup/container/key-block.ts";
import { memoryFile } from "../../../src/backup/file.ts";
import { BackupError } from "../../../src/backup/format/errors.ts";
import {
  activePbk,
  derivePbk,
  type Keyring,
  type KeyVersion,
} from "../../../src/backup/format/keys.ts";
import { decodeEnvelope, openEnvelope, sealEnvelope } from "../../../src/backup/seal/envelope.ts";
import { type Kms, localKms } from "../../../src/backup/seal/kms.ts";
import {
  type Openers,
  openSeal,
  type Recipient,
  readdressSeal,
} from "../../../src/backup/seal/recipients.ts";
import { recoveryKeyId } from "../../../src/backup/seal/recovery.ts";
import { verifyBackup } from "../../../src/backup/verify.ts";
import type { Core } from "../../../src/crypto/core.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { loadCore } from "../../lib/core.ts";
import { forge, forgeSeal, join, u32 } from "../faults/forge.ts";
import {
  counterRandom,
  hex,
  LOCATION,
  recoverySpki,
  SMALL_MEMORY,
  subtle,
  testKit,
  testKms,
  testRing,
} from "../fixtures.ts";

const core: Core = await loadCore();
const ring = testRing();

function version(number: number, state: KeyVersion["state"], seed = "key"): KeyVersion {
  const random = counterRandom(`${seed}/${number}`);
  return { id: random(16), version: number, state, key: new SecretKey(random(32)) };
}

function codeOf(f: () => unknown): string {
  try {
    f();
  } catch (error) {
    if (error instanceof BackupError) return error.fault.code;
    throw error;
  }
  return "accepted";
}

/** SP 800-108r1 §4.1 with Node's HMAC, one block: 256 bits or fewer. */
function nodeKdf(key: Uint8Array, label: string, context: Uint8Array, bits: number): Uint8Array {
  const fixed = [Buffer.from(label), Buffer.alloc(1), context, u32(bits)];
  const mac = createHmac("sha256", key)
    .update(join(u32(1), ...fixed))
    .digest();
  return mac.subarray(0, bits / 8);
}

describe("the PBK", () => {
  it("is what Node's HMAC derives by FORMAT.md §5.2", () => {
    const mkbk = version(7, "active", "mkbk");
    const akbk = version(9, "active", "akbk");
    const bytes = (key: KeyVersion) => key.key!.use((held) => held.slice());
    const ids = join(Uint8Array.of(0, 1), mkbk.id, u32(7), akbk.id, u32(9));
    const c = nodeKdf(bytes(mkbk), "holdfast/v1/mkbk-component", ids, 256);
    const kdk = createHmac("sha256", c)
      .update(join(bytes(akbk), ids))
      .digest();
    const context = join(Uint8Array.of(0, 1, 0, 1, 1, 0), ids);
    using pbk = activePbk(core, { manufacturer: "m", mkbk: [mkbk], akbk: [akbk] });
    expect(hex(pbk.key.use((held) => held.slice()))).toBe(
      hex(nodeKdf(kdk, "holdfast/v1/pbk", context, 256)),
    );
    expect(hex(pbk.id)).toBe(hex(nodeKdf(kdk, "holdfast/v1/pbk-id", ids, 128)));
  });

  it("changes with each key, id and version", () => {
    const mkbk = { ...version(1, "active", "mkbk"), key: new SecretKey(new Uint8Array(32)) };
    const akbk = { ...version(1, "active", "akbk"), key: new SecretKey(new Uint8Array(32)) };
    const other = {
      id: new Uint8Array(16),
      version: 2,
      key: new SecretKey(new Uint8Array(32).fill(1)),
    };
    const ids = new Set<string>();
    const keys = new Set<string>();
    const changes = [{}, { id: other.id }, { version: other.version }, { key: other.key }];
    for (const change of changes) {
      for (const pair of [
        { mkbk: { ...mkbk, ...change }, akbk },
        { mkbk, akbk: { ...akbk, ...change } },
      ]) {
        using pbk = derivePbk(core, pair.mkbk, pair.akbk);
        ids.add(hex(pbk.id));
        keys.add(hex(pbk.key.use((held) => held.slice())));
      }
    }
    expect(ids.size).toBe(7);
    expect(keys.size).toBe(7);
  });

  it("comes from the active key with the highest number, and from none that is not active", () => {
    const mkbk = [version(1, "active"), version(3, "active"), version(9, "retired")];
    const akbk = [version(1, "active", "akbk")];
    using pbk = activePbk(core, { manufacturer: "m", mkbk, akbk });
    expect(pbk.ids.mkbkVersion).toBe(3);
    const none: Keyring = { manufacturer: "m", mkbk: [version(1, "retired")], akbk };
    expect(() => activePbk(core, none)).toThrow(RangeError);
  });
});

describe("a key block", () => {
  const forged = forge(core, { records: SMALL_MEMORY });

  it("is unwrapped by a ring in which its keys are retired", () => {
    const retired = (keys: readonly KeyVersion[]) =>
      keys.map((key) => ({ ...key, state: "retired" as const }));
    const old: Keyring = { ...ring, mkbk: retired(ring.mkbk), akbk: retired(ring.akbk) };
    using keys = unwrapKeyBlock(core, old, forged.keyBlock).keys;
    expect(hex(keys.ebk.use((held) => held.slice()))).toBe(hex(forged.ebk));
  });

  it("is wrapped under new keys without a change to its container", async () => {
    const mkbk = [...ring.mkbk, version(50, "active", "mkbk")];
    const akbk = [...ring.akbk, version(60, "active", "akbk")];
    const rotated: Keyring = { ...ring, mkbk, akbk };
    const keyBlock = rewrapKeyBlock(core, rotated, forged.keyBlock);
    const file = memoryFile(join(keyBlock, forged.container));
    const nothing = { kms: null, recoveryKey: null };
    const onlyNew: Keyring = { ...ring, mkbk: mkbk.slice(-1), akbk: akbk.slice(-1) };
    const verified = await verifyBackup({ core, subtle }, onlyNew, nothing, file);
    expect(verified.recordCount).toBe(SMALL_MEMORY.length);
    expect(codeOf(() => unwrapKeyBlock(core, ring, keyBlock))).toBe("key_mismatch");
  });
});

describe("the local KMS", () => {
  const context = [["holdfast:account", "1"]] as const;

  it("unwraps under a retired CMK and wraps under the active one", async () => {
    const random = counterRandom("cmk");
    const key = () => new SecretKey(random(32));
    const old = { id: "old", state: "active" as const, key: key() };
    const { dataKey, wrapped } = await localKms(subtle, random, [old]).generateDataKey(context);
    const rotated = localKms(subtle, random, [
      { ...old, state: "retired" },
      { id: "new", state: "active", key: key() },
    ]);
    expect(rotated.keyId).toBe("new");
    using again = await rotated.unwrap("old", wrapped, context);
    expect(hex(again.use((held) => held.slice()))).toBe(hex(dataKey.use((held) => held.slice())));
    expect(() => localKms(subtle, random, [{ ...old, state: "retired" }])).toThrow(RangeError);
  });

  it.each([
    ["another context", (wrapped: Uint8Array) => wrapped, [["holdfast:account", "2"]] as const],
    ["a byte less", (wrapped: Uint8Array) => wrapped.subarray(1), context],
    [
      "another version",
      (wrapped: Uint8Array) => join(Uint8Array.of(2), wrapped.subarray(1)),
      context,
    ],
  ])("refuses a data key with %s", async (_, change, other) => {
    const kms = testKms();
    const { wrapped } = await kms.generateDataKey(context);
    const unwrapped = kms.unwrap(kms.keyId, change(wrapped), other);
    await expect(unwrapped).rejects.toMatchObject({ fault: { which: "cmk", found: "refused" } });
  });
});

describe("an envelope", () => {
  it("for another place and other recipients opens the same body there", async () => {
    const forged = forge(core, { records: SMALL_MEMORY });
    const seal = await forgeSeal(core, forged, { recipients: ["kms"] });
    const { clear } = decodeEnvelope(seal.envelope);
    const openers = { kms: testKms(), recoveryKey: null };
    using keys = await openSeal({ core, subtle }, openers, clear);
    const keyBlock = await openEnvelope(subtle, keys, decodeEnvelope(seal.envelope));
    const random = counterRandom("readdress");
    const platform = { core, subtle, random };
    const location = { ...LOCATION, region: "us-east-1", backupId: "backup-ccccccccccc" };
    const recipients = { kms: null, recoveryPublicKey: recoverySpki() };
    using moved = await readdressSeal(platform, openers, clear, recipients, location);
    const { bodyBytes, bodyDigest } = clear;
    const moving = { ...moved, bodyBytes, bodyDigest };
    const envelope = await sealEnvelope(subtle, random, moved, moving, keyBlock);
    const byKit = { kms: null, recoveryKey: testKit().recoveryKey };
    const file = memoryFile(join(envelope, seal.body));
    const verified = await verifyBackup(platform, ring, byKit, file, { location });
    expect(verified.location).toEqual(location);
    expect(verified.header.backupId).toBe(LOCATION.backupId);
    await expect(verifyBackup(platform, ring, openers, file)).rejects.toMatchObject({
      fault: { code: "key_mismatch", which: "cmk", found: "absent" },
    });
  });

  const forged = forge(core, { records: SMALL_MEMORY });
  const foreign: Recipient = {
    kind: "kms",
    keyId: "kms of another region",
    wrapped: new Uint8Array(61),
  };
  const codeWith = async (recipients: readonly Recipient[], openers: Openers) => {
    const seal = await forgeSeal(core, forged, { recipient: (own) => [...recipients, ...own] });
    return await openSeal({ core, subtle }, openers, decodeEnvelope(seal.envelope).clear).then(
      () => "opened",
      (error: BackupError) => error.fault,
    );
  };
  const byKit = { kms: null, recoveryKey: testKit().recoveryKey };

  it("for several KMS keys opens with any of them, and with a kit where none is there", async () => {
    const stranger = { id: "x", state: "active" as const, key: new SecretKey(new Uint8Array(32)) };
    const otherKms = localKms(subtle, counterRandom("other"), [stranger]);
    expect(await codeWith([foreign], { kms: testKms(), recoveryKey: null })).toBe("opened");
    expect(await codeWith([foreign], { ...byKit, kms: otherKms })).toBe("opened");
    expect(await codeWith([foreign], { kms: otherKms, recoveryKey: null })).toMatchObject({
      which: "cmk",
      found: "absent",
    });
  });

  it("with nothing to open it says which key it needs", async () => {
    const nothing = { kms: null, recoveryKey: null };
    expect(await codeWith([], nothing)).toMatchObject({ which: "cmk", id: testKms().keyId });
  });

  it("whose data key has another length is refused", async () => {
    const short: Kms = { ...testKms(), unwrap: async () => new SecretKey(new Uint8Array(16)) };
    expect(await codeWith([], { kms: short, recoveryKey: null })).toMatchObject({
      which: "cmk",
      found: "refused",
    });
  });

  it("names the recovery key by the digest of its public half", () => {
    expect(recoveryKeyId(core, recoverySpki())).toBe(testKit().recoveryKey?.id);
  });
});
