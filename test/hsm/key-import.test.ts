import { execFileSync } from "node:child_process";
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, expect, it } from "vitest";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import type { JsonWebKey } from "../../src/crypto/web-crypto.ts";
import { HsmError } from "../../src/hsm/errors.ts";
import type { KeyImport } from "../../src/hsm/key-import.ts";
import type { KeyMaterial } from "../../src/hsm/key-material.ts";
import { RECORD_TYPE } from "../../src/hsm/record.ts";
import { activeHsm, codeOf, faultOf } from "../lib/hsm.ts";

const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });
const CURVES = [
  ["P-256", "prime256v1", 256],
  ["P-384", "secp384r1", 384],
  ["P-521", "secp521r1", 521],
] as const;
const EC = Object.fromEntries(
  CURVES.map(([name, namedCurve]) => [name, generateKeyPairSync("ec", { namedCurve })]),
);

function pem(key: KeyObject, type: "pkcs8" | "pkcs1" | "sec1" | "spki"): string {
  return key.export({ format: "pem", type } as never) as string;
}

function der(key: KeyObject, type: "pkcs8" | "spki"): Uint8Array {
  return Uint8Array.from(key.export({ format: "der", type } as never) as unknown as Buffer);
}

function jwk(key: KeyObject): JsonWebKey {
  return key.export({ format: "jwk" }) as JsonWebKey;
}

function raw(type: "aes" | "generic-secret", length: number): KeyMaterial {
  return { format: "raw", type, key: new SecretKey(new Uint8Array(length).fill(7)) };
}

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
    expect(hsm.exportPublicKey(bob, handle)).toEqual(der(RSA.publicKey, "spki"));
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
    ["too much", `${"x".repeat(17_000)}${pem(RSA.privateKey, "pkcs8")}`],
  ])("refuses PEM with %s", async (_, text) => {
    const { hsm, alice } = await activeHsm();
    const take = () => hsm.importKey(alice, { material: { format: "pem", pem: text } });
    expect(await codeOf(take)).toBe("key_unreadable");
  });

  it.each<[string, JsonWebKey]>([
    ["an unknown kty", { kty: "OKP", crv: "Ed25519", x: "AA" }],
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

describe("bulk import", () => {
  it("gives handles in order", async () => {
    const { hsm, alice } = await activeHsm();
    const requests: KeyImport[] = ["a", "b", "c"].map((label) => ({
      material: raw("aes", 16),
      attributes: { label },
    }));
    const handles = await hsm.importKeys(alice, requests);
    expect(handles.map((handle) => hsm.describeKey(alice, handle).label)).toEqual(["a", "b", "c"]);
  });

  it("takes all or none, and names the item", async () => {
    const { hsm, alice, store } = await activeHsm();
    const requests: KeyImport[] = [
      { material: raw("aes", 16) },
      { material: raw("aes", 16), attributes: { label: "x".repeat(129) } },
    ];
    const fault = await faultOf(() => hsm.importKeys(alice, requests));
    expect(fault).toMatchObject({
      code: "batch_item",
      index: 1,
      cause: { code: "attribute_refused", attribute: "label" },
    });
    expect(store.count(RECORD_TYPE.key)).toBe(0);
  });

  it("refuses more than 500", async () => {
    const { hsm, alice } = await activeHsm();
    const requests = Array.from({ length: 501 }, () => ({ material: raw("aes", 16) }));
    expect(await codeOf(() => hsm.importKeys(alice, requests))).toBe("batch_limit");
    await hsm.importKeys(alice, requests.slice(1));
  });
});

describe("the limits of the hardware", () => {
  const aes = { material: raw("aes", 16) };

  it("holds 3,300 keys on hsm1.medium and refuses one more", async () => {
    const { hsm, alice, store } = await activeHsm("hsm1.medium");
    for (let held = 0; held < 3_300; held += 300) {
      await hsm.importKeys(alice, Array(300).fill(aes));
    }
    expect(store.count(RECORD_TYPE.key)).toBe(3_300);
    expect(await codeOf(() => hsm.importKey(alice, aes))).toBe("key_limit");
  });

  it("holds 3,333 RSA and EC keys on hsm2m.medium, and 16,666 in all", async () => {
    const { hsm, alice, store } = await activeHsm();
    const pair = await hsm.importKey(alice, {
      material: { format: "pem", pem: pem(EC["P-256"]!.privateKey, "pkcs8") },
    });
    // Copies of one record stand for keys: importing thousands of pairs takes too long for a test.
    const row = store.get(RECORD_TYPE.key, pair.handle)!;
    store.transaction(() => {
      for (let id = 2; id <= 3_332; id++) {
        const secret = store.secret(RECORD_TYPE.key, pair.handle);
        store.put({ type: RECORD_TYPE.key, id, attributes: row.attributes, secret }, "");
      }
    });
    const generate = () => hsm.generateKeyPair(alice, { type: "ec", curve: "P-256" });
    await generate();
    expect(await codeOf(generate)).toBe("asymmetric_key_limit");
    for (let held = 3_333; held < 16_666; held += 500) {
      await hsm.importKeys(alice, Array(Math.min(500, 16_666 - held)).fill(aes));
    }
    expect(store.count(RECORD_TYPE.key)).toBe(16_666);
    expect(await codeOf(() => hsm.importKey(alice, aes))).toBe("key_limit");
    expect(await codeOf(generate)).toBe("key_limit");
  });
});
