/** A data key wrapped for a hybrid recovery key, against HPKE by others. FORMAT.md §7.4. */
import { createDecipheriv } from "node:crypto";
import { AEAD_AES_256_GCM, KDF_HKDF_SHA256, KEM_MLKEM768_X25519 } from "@panva/hpke-noble";
import { CipherSuite } from "hpke";
import { describe, expect, it } from "vitest";
import { BackupError } from "../../../src/backup/format/errors.ts";
import { HYBRID_WRAP_BYTES } from "../../../src/backup/format/layout.ts";
import { keySchedule } from "../../../src/backup/seal/hpke.ts";
import { hybridPublicKey } from "../../../src/backup/seal/hybrid-kem.ts";
import {
  type HybridRecoveryKey,
  unwrapWithHybrid,
  wrapForHybrid,
} from "../../../src/backup/seal/recovery-hybrid.ts";
import { encodeHex, requireHex } from "../../../src/crypto/base-encodings.ts";
import { concatBytes } from "../../../src/crypto/bytes.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { loadCore } from "../../lib/core.ts";
import { counterRandom, subtle } from "../fixtures.ts";
import { SCHEDULE_VECTORS } from "./published-vectors.ts";

const platform = { core: await loadCore(), subtle };
const random = counterRandom("hybrid");
const KEY: HybridRecoveryKey = {
  algorithm: "hybrid",
  id: "0123456789abcdef".repeat(2),
  seed: new SecretKey(random(32)),
};
const PUBLIC_KEY = await hybridPublicKey(KEY.seed);
const DATA_KEY = new SecretKey(random(32));
const COINS = new SecretKey(random(64));
const INFO = random(40);
const WRAPPED = await wrapForHybrid(platform, PUBLIC_KEY, DATA_KEY, INFO, COINS);

const theirs = new CipherSuite(KEM_MLKEM768_X25519, KDF_HKDF_SHA256, AEAD_AES_256_GCM);

function shown(key: SecretKey): string {
  return key.use(encodeHex);
}

function flipped(at: number, bit = 1): Uint8Array {
  const changed = WRAPPED.slice();
  changed[at]! ^= bit;
  return changed;
}

function withPoint(point: Uint8Array): Uint8Array {
  const changed = WRAPPED.slice();
  changed.set(point, 1088);
  return changed;
}

describe("the key schedule of HPKE", () => {
  it.each(SCHEDULE_VECTORS)("is that of $source", (vector) => {
    using sharedSecret = new SecretKey(requireHex(vector.sharedSecret));
    const suite = requireHex(vector.suiteId);
    using keys = keySchedule(platform.core, suite, sharedSecret, requireHex(vector.info));
    expect(shown(keys.key)).toBe(vector.key);
    expect(shown(keys.baseNonce)).toBe(vector.baseNonce);
    // That the answers are those of the message, too.
    const sealed = Buffer.from(vector.ciphertext, "hex");
    const open = createDecipheriv(
      vector.cipher as "aes-256-gcm",
      keys.key.use((bytes) => bytes.slice()),
      keys.baseNonce.use((bytes) => bytes.slice()),
    );
    open.setAAD(Buffer.from(vector.associatedData, "hex"));
    open.setAuthTag(sealed.subarray(-16));
    const plaintext = Buffer.concat([open.update(sealed.subarray(0, -16)), open.final()]);
    expect(plaintext.toString("hex")).toBe(vector.plaintext);
  });

  it("wipes its keys on disposal", () => {
    using sharedSecret = new SecretKey(new Uint8Array(32).fill(1));
    const keys = keySchedule(platform.core, new Uint8Array(10), sharedSecret, INFO);
    keys[Symbol.dispose]();
    expect(() => keys.key.length).toThrow(TypeError);
    expect(() => keys.baseNonce.length).toThrow(TypeError);
    expect(sharedSecret).toHaveLength(32);
  });
});

describe("a data key for a hybrid recovery key", () => {
  it("takes 1,168 bytes, opens, and comes out the same again from the same coins", async () => {
    expect(WRAPPED).toHaveLength(HYBRID_WRAP_BYTES);
    expect(HYBRID_WRAP_BYTES).toBe(1168);
    expect(shown(await unwrapWithHybrid(platform, KEY, WRAPPED, INFO))).toBe(shown(DATA_KEY));
    expect(await wrapForHybrid(platform, PUBLIC_KEY, DATA_KEY, INFO, COINS)).toEqual(WRAPPED);
    using others = new SecretKey(random(64));
    const other = await wrapForHybrid(platform, PUBLIC_KEY, DATA_KEY, INFO, others);
    expect(other).not.toEqual(WRAPPED);
    expect(shown(await unwrapWithHybrid(platform, KEY, other, INFO))).toBe(shown(DATA_KEY));
  });

  it("is opened by another HPKE", async () => {
    const seed = KEY.seed.use((bytes) => bytes.slice());
    const key = await theirs.DeserializePrivateKey(seed, true);
    const [enc, ciphertext] = [WRAPPED.subarray(0, 1120), WRAPPED.subarray(1120)];
    const opened = await theirs.Open(key, enc, ciphertext, { info: INFO });
    expect(encodeHex(opened)).toBe(shown(DATA_KEY));
  });

  it("is opened when another HPKE made it", async () => {
    const key = await theirs.DeserializePublicKey(PUBLIC_KEY);
    const dataKey = DATA_KEY.use((bytes) => bytes.slice());
    const made = await theirs.Seal(key, dataKey, { info: INFO });
    const wrapped = concatBytes(made.encapsulatedSecret, made.ciphertext);
    expect(shown(await unwrapWithHybrid(platform, KEY, wrapped, INFO))).toBe(shown(DATA_KEY));
  });

  it.each([31, 33])("is refused as a whole if it has %i bytes", async (length) => {
    const key = await theirs.DeserializePublicKey(PUBLIC_KEY);
    const made = await theirs.Seal(key, new Uint8Array(length), { info: INFO });
    const wrapped = concatBytes(made.encapsulatedSecret, made.ciphertext);
    await expect(unwrapWithHybrid(platform, KEY, wrapped, INFO)).rejects.toMatchObject({
      fault: { code: "key_mismatch", which: "recovery", found: "refused" },
    });
  });

  const refusals: readonly [string, Uint8Array][] = [
    ["a bit of the ML-KEM ciphertext changed", flipped(0)],
    ["the last bit of the ML-KEM ciphertext changed", flipped(1087, 0x80)],
    ["a bit of the X25519 key changed", flipped(1088)],
    ["the unused bit of the X25519 key set", flipped(1119, 0x80)],
    ["a bit of the ciphertext changed", flipped(1120)],
    ["a bit of the tag changed", flipped(1167, 0x80)],
    ["the point 0", withPoint(new Uint8Array(32))],
    ["the point 1", withPoint(Uint8Array.of(1, ...new Uint8Array(31)))],
    ["a byte less at the end", WRAPPED.subarray(0, -1)],
    ["a byte less at the beginning", WRAPPED.subarray(1)],
    ["a byte more", concatBytes(WRAPPED, Uint8Array.of(0))],
    ["the encapsulation alone", WRAPPED.subarray(0, 1120)],
    ["nothing at all", new Uint8Array(0)],
    ["zeros", new Uint8Array(HYBRID_WRAP_BYTES)],
  ];
  it.each(refusals)("is refused with %s", async (_, wrapped) => {
    const opening = unwrapWithHybrid(platform, KEY, wrapped, INFO);
    await expect(opening).rejects.toBeInstanceOf(BackupError);
    await expect(opening).rejects.toMatchObject({
      fault: { code: "key_mismatch", which: "recovery", id: KEY.id, found: "refused" },
    });
  });

  it("is refused in another place, and by another key", async () => {
    using seed = new SecretKey(random(32));
    const refused = { fault: { code: "key_mismatch", which: "recovery", found: "refused" } };
    const elsewhere = unwrapWithHybrid(platform, KEY, WRAPPED, INFO.subarray(1));
    await expect(elsewhere).rejects.toMatchObject(refused);
    const another = unwrapWithHybrid(platform, { ...KEY, seed }, WRAPPED, INFO);
    await expect(another).rejects.toMatchObject(refused);
  });

  it("is not made for a public key that was not checked, nor of another length", async () => {
    const highBit = PUBLIC_KEY.slice();
    highBit[1215]! |= 0x80;
    const wrap = (key: Uint8Array, dataKey: SecretKey) =>
      wrapForHybrid(platform, key, dataKey, INFO, COINS);
    await expect(wrap(highBit, DATA_KEY)).rejects.toThrow(RangeError);
    await expect(wrap(PUBLIC_KEY, COINS)).rejects.toThrow(RangeError);
  });
});
