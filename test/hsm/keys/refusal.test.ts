import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, it } from "vitest";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import type { JsonWebKey } from "../../../src/crypto/web-crypto.ts";
import type { KeyMaterial } from "../../../src/hsm/keys/material.ts";
import { HsmError } from "../../../src/hsm/rules/errors.ts";
import { activeHsm, codeOf, faultOf } from "../../lib/hsm.ts";
import { der, EC, jwk, pem, RSA } from "../../lib/key-material.ts";

describe("keys that are refused", () => {
  const ed = generateKeyPairSync("ed25519");
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const odd = generateKeyPairSync("rsa", { modulusLength: 2176 });
  const koblitz = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  const p224 = generateKeyPairSync("ec", { namedCurve: "secp224r1" });
  const pss = generateKeyPairSync("rsa-pss", { modulusLength: 2048 });

  it.each<[string, KeyObject]>([
    ["Ed25519", ed.privateKey],
    ["RSA of 1024 bits", small.privateKey],
    ["RSA of 2176 bits", odd.privateKey],
    ["secp256k1", koblitz.privateKey],
    ["P-224", p224.privateKey],
    ["PSS", pss.privateKey],
  ])("says that %s is not supported, and what is", async (what, key) => {
    const { hsm, alice } = await activeHsm();
    const material: KeyMaterial = { format: "pem", pem: pem(key, "pkcs8") };
    const fault = await faultOf(() => hsm.importKey(alice, { material }));
    expect(fault).toMatchObject({ code: "key_unsupported" });
    expect(new HsmError(fault).message).toContain(what);
    expect(new HsmError(fault).message).toContain("P-256");
  });

  it("says how to decrypt an encrypted PEM", async () => {
    const { hsm, alice } = await activeHsm();
    const encrypted = RSA.privateKey.export({
      format: "pem",
      type: "pkcs8",
      cipher: "aes-256-cbc",
      passphrase: "x",
    }) as string;
    const legacy = RSA.privateKey.export({
      format: "pem",
      type: "pkcs1",
      cipher: "aes-256-cbc",
      passphrase: "x",
    }) as string;
    for (const text of [encrypted, legacy]) {
      const fault = await faultOf(() =>
        hsm.importKey(alice, { material: { format: "pem", pem: text } }),
      );
      expect(new HsmError(fault).message).toContain("openssl pkey");
    }
  });

  it("refuses a private key whose public half is another's", async () => {
    const { hsm, alice } = await activeHsm();
    const mine = der(EC["P-256"]!.privateKey, "pkcs8");
    const other = der(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey, "pkcs8");
    mine.set(other.subarray(mine.length - 65), mine.length - 65);
    const material: KeyMaterial = { format: "pkcs8", key: new SecretKey(mine) };
    expect(await codeOf(() => hsm.importKey(alice, { material }))).toBe("key_unreadable");
  });

  it("refuses an RSA key with a changed modulus", async () => {
    const { hsm, alice } = await activeHsm();
    const bytes = der(RSA.privateKey, "pkcs8");
    for (const at of [60, 150, 290]) {
      const changed = bytes.slice();
      changed[at]! ^= 1;
      const material: KeyMaterial = { format: "pkcs8", key: new SecretKey(changed) };
      expect(await codeOf(() => hsm.importKey(alice, { material }))).toBe("key_unreadable");
    }
  });

  it("refuses a PKCS#8 cut off anywhere, without a word of the platform's", async () => {
    const { hsm, alice } = await activeHsm();
    const bytes = der(EC["P-256"]!.privateKey, "pkcs8");
    for (let length = 1; length < bytes.length; length++) {
      const material: KeyMaterial = {
        format: "pkcs8",
        key: new SecretKey(bytes.slice(0, length)),
      };
      expect(await codeOf(() => hsm.importKey(alice, { material }))).toBe("key_unreadable");
    }
  });

  it.each([
    ["nothing", ""],
    ["two keys", `${pem(RSA.privateKey, "pkcs8")}${pem(RSA.privateKey, "pkcs8")}`],
    ["a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"],
    ["no Base64", "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----"],
    ["OpenSSH", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----"],
    ["too much", `${"x".repeat(65_000)}${pem(RSA.privateKey, "pkcs8")}`],
  ])("refuses PEM with %s", async (_, text) => {
    const { hsm, alice } = await activeHsm();
    const take = () => hsm.importKey(alice, { material: { format: "pem", pem: text } });
    expect(await codeOf(take)).toBe("key_unreadable");
  });

  it.each<[string, JsonWebKey]>([
    ["no k", { kty: "oct" }],
    ["a k that is no base64url", { kty: "oct", k: "****" }],
    ["only n, e and d", only(jwk(RSA.privateKey), ["kty", "n", "e", "d"])],
  ])("refuses a JWK with %s", async (_, key) => {
    const { hsm, alice } = await activeHsm();
    const take = () => hsm.importKey(alice, { material: { format: "jwk", jwk: key } });
    expect(await codeOf(take)).toBe("key_unreadable");
  });
});

function only(key: JsonWebKey, names: readonly (keyof JsonWebKey)[]): JsonWebKey {
  return Object.fromEntries(names.map((name) => [name, key[name]])) as unknown as JsonWebKey;
}
