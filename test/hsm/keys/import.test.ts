import { execFileSync } from "node:child_process";
import { createHash, createPrivateKey, type KeyObject } from "node:crypto";
import { describe, expect, it } from "vitest";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import type { JsonWebKey } from "../../../src/crypto/web-crypto.ts";
import type { KeyMaterial } from "../../../src/hsm/keys/material.ts";
import { activeHsm, codeOf } from "../../lib/hsm.ts";
import { CURVES, der, EC, jwk, pem, RSA, raw } from "../../lib/key-material.ts";

const signing = { sign: true, verify: true, extractable: true };

/** Imports, exports as PKCS#8 and compares the private key with Node's reading of the original. */
async function expectSameKey(material: KeyMaterial, original: KeyObject): Promise<void> {
  const { hsm, alice } = await activeHsm();
  const view = await hsm.importKey(alice, { material, attributes: signing });
  const exported = await hsm.exportKey(alice, view.handle, "pkcs8");
  if (!("key" in exported)) throw new Error("expected bytes");
  const back = exported.key.use((bytes) =>
    createPrivateKey({ key: Buffer.from(bytes), format: "der", type: "pkcs8" }),
  );
  expect(jwk(back)).toEqual(jwk(original));
  expect(view.publicKeyPem?.trim()).toBe(pem(generatePublic(original), "spki").trim());
}

function generatePublic(key: KeyObject): KeyObject {
  return [RSA, ...Object.values(EC)].find(({ privateKey }) => privateKey.equals(key))!.publicKey;
}

describe("the import of private keys", () => {
  it.each<[string, () => KeyMaterial]>([
    ["PKCS#8 PEM", () => ({ format: "pem", pem: pem(RSA.privateKey, "pkcs8") })],
    ["PKCS#1 PEM", () => ({ format: "pem", pem: pem(RSA.privateKey, "pkcs1") })],
    ["PKCS#8", () => ({ format: "pkcs8", key: new SecretKey(der(RSA.privateKey, "pkcs8")) })],
    ["JWK", () => ({ format: "jwk", jwk: jwk(RSA.privateKey) })],
    [
      "JWK with a use and an alg",
      () => ({
        format: "jwk",
        jwk: { ...jwk(RSA.privateKey), use: "enc", alg: "RSA-OAEP-512", key_ops: ["unwrapKey"] },
      }),
    ],
    [
      "PEM with text around it",
      () => ({
        format: "pem",
        pem: `Bag Attributes\r\n${pem(RSA.privateKey, "pkcs8").replaceAll("\n", "\r\n")}\r\nend`,
      }),
    ],
  ])("takes RSA as %s", async (_, material) => {
    await expectSameKey(material(), RSA.privateKey);
  });

  describe.each(CURVES)("on %s", (name, _, bits) => {
    const pair = EC[name]!;
    it.each<[string, () => KeyMaterial]>([
      ["PKCS#8 PEM", () => ({ format: "pem", pem: pem(pair.privateKey, "pkcs8") })],
      ["SEC 1 PEM", () => ({ format: "pem", pem: pem(pair.privateKey, "sec1") })],
      ["PKCS#8", () => ({ format: "pkcs8", key: new SecretKey(der(pair.privateKey, "pkcs8")) })],
      ["JWK", () => ({ format: "jwk", jwk: jwk(pair.privateKey) })],
    ])("takes EC as %s", async (_, material) => {
      await expectSameKey(material(), pair.privateKey);
    });

    it("shows curve, size and check value", async () => {
      const { hsm, alice } = await activeHsm();
      const material: KeyMaterial = { format: "pem", pem: pem(pair.privateKey, "pkcs8") };
      const view = await hsm.importKey(alice, { material });
      const digest = createHash("sha1").update(der(pair.publicKey, "spki")).digest("hex");
      expect(view).toMatchObject({
        type: "ec",
        class: "private",
        curve: name,
        sizeBits: bits,
        checkValue: digest.slice(0, 6),
      });
    });
  });

  it("takes what openssl writes, parameters and all", async () => {
    const { hsm, alice } = await activeHsm();
    const text = execFileSync("openssl", ["ecparam", "-name", "secp384r1", "-genkey"], {
      stdio: ["ignore", "pipe", "ignore"],
    }).toString();
    expect(text).toContain("EC PARAMETERS");
    const view = await hsm.importKey(alice, { material: { format: "pem", pem: text } });
    expect(view.curve).toBe("P-384");
  });

  it("adds the public point to an EC key that comes without it", async () => {
    const { hsm, alice } = await activeHsm();
    const scalar = Buffer.from(jwk(EC["P-256"]!.privateKey).d!, "base64url");
    const head = "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420";
    const bare = Uint8Array.from(Buffer.concat([Buffer.from(head, "hex"), scalar]));
    const material: KeyMaterial = { format: "pkcs8", key: new SecretKey(bare) };
    const view = await hsm.importKey(alice, { material });
    expect(view.publicKeyPem?.trim()).toBe(pem(EC["P-256"]!.publicKey, "spki").trim());
  });
});

describe("the import of public keys", () => {
  it.each<[string, KeyMaterial]>([
    ["SPKI PEM", { format: "pem", pem: pem(RSA.publicKey, "spki") }],
    ["PKCS#1 PEM", { format: "pem", pem: pem(RSA.publicKey, "pkcs1") }],
    ["SPKI", { format: "spki", bytes: der(RSA.publicKey, "spki") }],
    ["JWK", { format: "jwk", jwk: jwk(RSA.publicKey) }],
  ])("takes %s", async (_, material) => {
    const { hsm, alice, bob } = await activeHsm();
    const { handle } = await hsm.importKey(alice, { material, attributes: { verify: true } });
    const view = hsm.describeKey(bob, handle);
    expect(view).toMatchObject({ class: "public", type: "rsa", sizeBits: 2048 });
    expect(view.attributes).toMatchObject({ private: false, sensitive: false });
    expect(view.publicKeyPem?.trim()).toBe(pem(RSA.publicKey, "spki").trim());
    expect(await codeOf(() => hsm.exportKey(alice, handle, "pkcs8"))).toBe("parameter_invalid");
  });
});

describe("the import of secret keys", () => {
  it.each([
    ["80000000000000000000000000000000", "0edd33"],
    ["000000000000000000000000000000000000000000000000", "aae069"],
    ["0000000000000000000000000000000000000000000000000000000000000000", "dc95c0"],
  ])("gives AES %s the check value %s", async (key, checkValue) => {
    // The zero block under these keys: FIPS 197 known answers (NIST AESAVS, VarKey and KAT sets).
    const { hsm, alice } = await activeHsm();
    const bytes = Uint8Array.from(Buffer.from(key, "hex"));
    const material: KeyMaterial = { format: "raw", type: "aes", key: new SecretKey(bytes) };
    const view = await hsm.importKey(alice, { material });
    expect(view).toMatchObject({ checkValue, sizeBits: 4 * key.length, class: "secret" });
  });

  it("takes an oct JWK as AES, or as a generic secret", async () => {
    const { hsm, alice } = await activeHsm();
    const oct: JsonWebKey = { kty: "oct", k: Buffer.alloc(16, 7).toString("base64url") };
    const aes = await hsm.importKey(alice, { material: { format: "jwk", jwk: oct } });
    const material: KeyMaterial = { format: "jwk", jwk: oct, type: "generic-secret" };
    const generic = await hsm.importKey(alice, { material });
    expect(aes.type).toBe("aes");
    expect(generic).toMatchObject({ type: "generic-secret", sizeBits: 128, checkValue: null });
  });

  it.each([
    ["aes", 15, false],
    ["aes", 16, true],
    ["aes", 24, true],
    ["aes", 32, true],
    ["aes", 33, false],
    ["generic-secret", 1, true],
    ["generic-secret", 800, true],
    ["generic-secret", 801, false],
  ] as const)("judges %s of %i bytes: %s", async (type, length, isTaken) => {
    const { hsm, alice } = await activeHsm();
    const take = () => hsm.importKey(alice, { material: raw(type, length) });
    if (isTaken) expect((await take()).sizeBits).toBe(8 * length);
    else expect(await codeOf(take)).toBe("key_unsupported");
  });

  it("leaves the caller's key to the caller", async () => {
    const { hsm, alice } = await activeHsm();
    const key = new SecretKey(new Uint8Array(16).fill(9));
    await hsm.importKey(alice, { material: { format: "raw", type: "aes", key } });
    expect(key.use((bytes) => [...bytes])).toEqual(Array(16).fill(9));
  });
});
