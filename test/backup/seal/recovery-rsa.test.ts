/** Recovery keys are RSA keys of 3,072 bits with exponent 65,537: FORMAT.md §7.4. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, it } from "vitest";
import { encodeCbor } from "../../../src/backup/format/cbor.ts";
import { LABEL, labelBytes } from "../../../src/backup/format/layout.ts";
import { isRecoverySpki } from "../../../src/backup/format/recovery-spki.ts";
import { locationTexts } from "../../../src/backup/seal/location.ts";
import { unwrapWithRecovery, wrapForRecovery } from "../../../src/backup/seal/recovery-keys.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { loadCore } from "../../lib/core.ts";
import { rsaKey } from "../../lib/rsa-keys.ts";
import { LOCATION, recoveryPublicKey, subtle } from "../fixtures.ts";
import { join } from "../vectors/forge.ts";
import { flip } from "../vectors/maker.ts";

const platform = { core: await loadCore(), subtle };
const SEAL_ID = new Uint8Array(16);
const PLACE = { location: LOCATION, sealId: SEAL_ID };
const DATA_KEY = new Uint8Array(32).fill(7);
const ID = "ab".repeat(16);
const REFUSED = { fault: { code: "key_mismatch", which: "recovery", id: ID, found: "refused" } };

const spkiOf = (key: KeyObject) =>
  Uint8Array.from(createPublicKey(key).export({ type: "spki", format: "der" }));
const pkcs8Of = (key: KeyObject) =>
  new SecretKey(Uint8Array.from(key.export({ type: "pkcs8", format: "der" })));

const good = rsaKey(3072);
const smallExponent = generateKeyPairSync("rsa", { modulusLength: 3072, publicExponent: 3 });
const others: [string, KeyObject][] = [
  ["2,048 bits", rsaKey(2048)],
  ["4,096 bits", rsaKey(4096)],
  ["exponent 3", smallExponent.privateKey],
];

/** As a writer that takes any RSA key would. */
async function wrapAnyhow(key: KeyObject): Promise<Uint8Array> {
  const algorithm = { name: "RSA-OAEP", hash: "SHA-256" };
  const publicKey = await subtle.importKey("spki", spkiOf(key), algorithm, false, ["encrypt"]);
  const context = encodeCbor([...locationTexts(LOCATION), SEAL_ID]);
  const label = join(labelBytes(LABEL.recovery), context);
  return new Uint8Array(await subtle.encrypt({ name: "RSA-OAEP", label }, publicKey, DATA_KEY));
}

async function unwrap(key: KeyObject): Promise<number[]> {
  using pkcs8 = pkcs8Of(key);
  const recoveryKey = { algorithm: "rsa" as const, id: ID, pkcs8 };
  const wrapped = await wrapAnyhow(key);
  using dataKey = await unwrapWithRecovery(platform, recoveryKey, wrapped, PLACE);
  return dataKey.use((bytes) => [...bytes]);
}

async function wrap(spki: Uint8Array): Promise<number> {
  using dataKey = SecretKey.copyOf(DATA_KEY);
  return (await wrapForRecovery(platform, { algorithm: "rsa", bytes: spki }, dataKey, PLACE))
    .length;
}

describe("a recovery key", () => {
  it("of 3,072 bits with exponent 65,537 wraps and opens", async () => {
    expect(await wrap(spkiOf(good))).toBe(384);
    expect(await unwrap(good)).toEqual([...DATA_KEY]);
  });

  it.each(others)("of %s opens nothing, not even what was wrapped for it", async (_, key) => {
    await expect(unwrap(key)).rejects.toMatchObject(REFUSED);
  });

  it.each(others)("of %s is wrapped for by nobody", async (_, key) => {
    await expect(wrap(spkiOf(key))).rejects.toThrow(RangeError);
  });

  it("that is no key is refused", async () => {
    using pkcs8 = new SecretKey(Uint8Array.of(0x30, 0));
    const key = { algorithm: "rsa" as const, id: ID, pkcs8 };
    const unwrapped = unwrapWithRecovery(platform, key, new Uint8Array(384), PLACE);
    await expect(unwrapped).rejects.toMatchObject(REFUSED);
  });
});

describe("the public half of a recovery key", () => {
  it("has one form", () => {
    for (const spki of [spkiOf(good), recoveryPublicKey("rsa").bytes]) {
      expect(isRecoverySpki(spki)).toBe(true);
      expect(spki.length).toBe(422);
    }
  });

  const spki = spkiOf(good);
  const withoutNull = join(
    Uint8Array.of(0x30, 0x82, 0x01, 0xa0, 0x30, 0x0b),
    spki.subarray(6, 17),
    spki.subarray(19),
  );
  const forPss = flip(spki, 16, 0x0b);
  it.each<[string, Uint8Array]>([
    ...others.map(([name, key]): [string, Uint8Array] => [name, spkiOf(key)]),
    ["nothing", new Uint8Array(0)],
    ["a byte more", join(spki, Uint8Array.of(0))],
    ["a byte less", spki.subarray(0, -1)],
    ["its prefix alone", spki.subarray(0, 33)],
    ["parameters left out", withoutNull],
    ["another algorithm", forPss],
    ["a modulus of fewer bits", flip(spki, 33, 0x80)],
    ["a modulus that is even", flip(spki, 416)],
    ["the private half", Uint8Array.from(good.export({ type: "pkcs8", format: "der" }))],
  ])("has no other: %s", (_, bytes) => {
    expect(isRecoverySpki(bytes)).toBe(false);
  });
});
