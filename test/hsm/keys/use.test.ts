import {
  constants,
  createCipheriv,
  createHash,
  createHmac,
  createPublicKey,
  privateDecrypt,
  verify as verifyByNode,
} from "node:crypto";
import { describe, expect, it } from "vitest";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { CIPHER_MECHANISMS, type CipherMechanism } from "../../../src/hsm/keys/encryption.ts";
import { SIGN_MECHANISMS, type SignMechanism } from "../../../src/hsm/keys/signing.ts";
import { MAX_OPERATION_BYTES } from "../../../src/hsm/rules/limits.ts";
import { activeHsm, type Cast, codeOf, faultOf } from "../../lib/hsm.ts";
import { pem, RSA } from "../../lib/key-material.ts";

const DATA = new TextEncoder().encode("to be signed");
const ALL = { sign: true, verify: true } as const;

/** Taken in, not generated: an RSA key takes longer to make than all that is done with it here. */
async function rsa({ hsm, alice }: Cast) {
  const attributes = { ...ALL, encrypt: true, decrypt: true };
  const material = { format: "pem", pem: pem(RSA.privateKey, "pkcs8") } as const;
  return await hsm.importKey(alice, { material, attributes });
}

async function aes({ hsm, alice }: Cast, sizeBits = 256) {
  const attributes = { ...ALL, encrypt: true, decrypt: true };
  return await hsm.generateKey(alice, { type: "aes", sizeBits, attributes });
}

/** A key for the mechanism. */
async function keyFor(cast: Cast, mechanism: SignMechanism | CipherMechanism) {
  if (mechanism.startsWith("rsa")) return await rsa(cast);
  if (mechanism.startsWith("aes")) return await aes(cast);
  const { hsm, alice } = cast;
  if (mechanism.startsWith("ecdsa")) {
    return await hsm.generateKeyPair(alice, { type: "ec", curve: "P-384", attributes: ALL });
  }
  return await hsm.generateKey(alice, { type: "generic-secret", sizeBits: 256, attributes: ALL });
}

describe("signing", () => {
  it.each(SIGN_MECHANISMS)("verifies what it signed, and nothing else: %s", async (mechanism) => {
    const cast = await activeHsm();
    const { hsm, alice } = cast;
    const { handle } = await keyFor(cast, mechanism);
    const signature = await hsm.sign(alice, handle, mechanism, DATA);
    const check = (data: Uint8Array, given: Uint8Array) =>
      hsm.verify(alice, handle, { mechanism, data, signature: given });
    expect(await check(DATA, signature)).toBe(true);
    expect(await check(DATA.subarray(1), signature)).toBe(false);
    expect(
      await check(
        DATA,
        signature.map((byte, i) => (i === 9 ? byte ^ 1 : byte)),
      ),
    ).toBe(false);
    expect(await check(DATA, signature.subarray(0, -1))).toBe(false);
    expect(await check(DATA, new Uint8Array(0))).toBe(false);
  });

  it.each([
    ["rsa-pkcs-sha256", "sha256", constants.RSA_PKCS1_PADDING],
    ["rsa-pkcs-sha512", "sha512", constants.RSA_PKCS1_PADDING],
    ["rsa-pss-sha384", "sha384", constants.RSA_PKCS1_PSS_PADDING],
  ] as const)("agrees with OpenSSL on %s", async (mechanism, hash, padding) => {
    const cast = await activeHsm();
    const view = await rsa(cast);
    const signature = await cast.hsm.sign(cast.alice, view.handle, mechanism, DATA);
    const key = { key: createPublicKey(view.publicKeyPem!), padding, saltLength: 48 };
    expect(verifyByNode(hash, DATA, key, signature)).toBe(true);
  });

  it.each(["rsa-pss-sha256", "rsa-pkcs-sha256"] as const)(
    "takes no signature without its leading zero: %s",
    async (mechanism) => {
      const cast = await activeHsm();
      const { hsm, alice } = cast;
      const { handle } = await rsa(cast);
      let data = DATA;
      let signature = await hsm.sign(alice, handle, mechanism, data);
      for (let i = 0; signature[0] !== 0; i++) {
        data = new TextEncoder().encode(`message ${i}`);
        signature = await hsm.sign(alice, handle, mechanism, data);
      }
      const check = (given: Uint8Array) =>
        hsm.verify(alice, handle, { mechanism, data, signature: given });
      expect(await check(signature)).toBe(true);
      expect(await check(signature.subarray(1))).toBe(false);
      expect(await check(Uint8Array.of(0, ...signature))).toBe(false);
    },
  );

  it.each(["P-256", "P-384", "P-521"] as const)("agrees with OpenSSL on %s", async (curve) => {
    const { hsm, alice } = await activeHsm();
    const view = await hsm.generateKeyPair(alice, { type: "ec", curve, attributes: ALL });
    const signature = await hsm.sign(alice, view.handle, "ecdsa-sha256", DATA);
    const key = { key: createPublicKey(view.publicKeyPem!), dsaEncoding: "ieee-p1363" } as const;
    expect(verifyByNode("sha256", DATA, key, signature)).toBe(true);
  });

  it("agrees with OpenSSL on HMAC and with RFC 4493 on CMAC", async () => {
    const { hsm, alice } = await activeHsm();
    const take = async (type: "aes" | "generic-secret", hex: string) => {
      const key = new SecretKey(Uint8Array.from(Buffer.from(hex, "hex")));
      const material = { format: "raw", type, key } as const;
      return (await hsm.importKey(alice, { material, attributes: ALL })).handle;
    };
    const generic = await take("generic-secret", "0b".repeat(20));
    const mac = await hsm.sign(alice, generic, "hmac-sha384", DATA);
    const expected = createHmac("sha384", Buffer.alloc(20, 0x0b)).update(DATA).digest("hex");
    expect(Buffer.from(mac).toString("hex")).toBe(expected);
    const aesKey = await take("aes", "2b7e151628aed2a6abf7158809cf4f3c");
    const cmac = await hsm.sign(alice, aesKey, "aes-cmac", new Uint8Array(0));
    expect(Buffer.from(cmac).toString("hex")).toBe("bb1d6929e95937287fa37d129b756746");
  });

  it("verifies with a public key imported alone, for every CU", async () => {
    const cast = await activeHsm();
    const { hsm, alice, bob } = cast;
    const pair = await rsa(cast);
    const { handle } = await hsm.importKey(alice, {
      material: { format: "pem", pem: pair.publicKeyPem! },
      attributes: { verify: true },
    });
    const signature = await hsm.sign(alice, pair.handle, "rsa-pss-sha256", DATA);
    const request = { mechanism: "rsa-pss-sha256", data: DATA, signature } as const;
    expect(await hsm.verify(bob, handle, request)).toBe(true);
  });

  it("asks for the flag of the operation", async () => {
    const { hsm, alice } = await activeHsm();
    const { handle } = await hsm.generateKeyPair(alice, { type: "ec", curve: "P-256" });
    const sign = () => hsm.sign(alice, handle, "ecdsa-sha256", DATA);
    expect(await faultOf(sign)).toEqual({ code: "key_usage", handle, attribute: "sign" });
    hsm.setAttributes(alice, handle, { sign: true });
    await sign();
    const request = { mechanism: "ecdsa-sha256", data: DATA, signature: DATA } as const;
    expect(await codeOf(() => hsm.verify(alice, handle, request))).toBe("key_usage");
  });

  it("refuses a mechanism of another type of key", async () => {
    const cast = await activeHsm();
    const { handle } = await rsa(cast);
    for (const mechanism of ["ecdsa-sha256", "hmac-sha256", "aes-cmac"] as const) {
      const sign = () => cast.hsm.sign(cast.alice, handle, mechanism, DATA);
      expect(await codeOf(sign)).toBe("mechanism_unsupported");
    }
  });

  it("takes 1 MiB and refuses a byte more", async () => {
    const cast = await activeHsm();
    const { handle } = await aes(cast);
    const sign = (length: number) => () =>
      cast.hsm.sign(cast.alice, handle, "aes-cmac", new Uint8Array(length));
    await sign(MAX_OPERATION_BYTES)();
    expect(await codeOf(sign(MAX_OPERATION_BYTES + 1))).toBe("data_length");
  });
});

describe("encryption", () => {
  it.each(CIPHER_MECHANISMS)("decrypts what it encrypted: %s", async (mechanism) => {
    const cast = await activeHsm();
    const { hsm, alice } = cast;
    const { handle } = await keyFor(cast, mechanism);
    const { iv, ciphertext } = await hsm.encrypt(alice, handle, { mechanism, data: DATA });
    expect(await hsm.decrypt(alice, handle, { mechanism, iv, ciphertext })).toEqual(DATA);
  });

  it.each([128, 192, 256])("agrees with OpenSSL on AES-GCM of %i bits", async (bits) => {
    const { hsm, alice } = await activeHsm();
    const bytes = new Uint8Array(bits / 8).fill(3);
    const material = { format: "raw", type: "aes", key: SecretKey.copyOf(bytes) } as const;
    const attributes = { encrypt: true };
    const { handle } = await hsm.importKey(alice, { material, attributes });
    const aad = Uint8Array.of(1, 2);
    const request = { mechanism: "aes-gcm", data: DATA, aad } as const;
    const { iv, ciphertext } = await hsm.encrypt(alice, handle, request);
    const cipher = createCipheriv(`aes-${bits}-gcm` as "aes-256-gcm", bytes, iv!);
    cipher.setAAD(aad);
    const expected = [cipher.update(DATA), cipher.final(), cipher.getAuthTag()];
    expect(Buffer.from(ciphertext).equals(Buffer.concat(expected))).toBe(true);
  });

  it("agrees with OpenSSL on OAEP", async () => {
    const cast = await activeHsm();
    const { hsm, alice } = cast;
    const { handle } = await rsa(cast);
    const request = { mechanism: "rsa-oaep-sha384", data: DATA } as const;
    const { ciphertext } = await hsm.encrypt(alice, handle, request);
    const exported = await hsm.exportKey(alice, handle, "pem");
    const key = { key: "pem" in exported ? exported.pem : "", oaepHash: "sha384" };
    expect(new Uint8Array(privateDecrypt(key, ciphertext))).toEqual(DATA);
  });

  it("decrypts no OAEP ciphertext without its leading zero", async () => {
    const cast = await activeHsm();
    const { hsm, alice } = cast;
    const { handle } = await rsa(cast);
    const mechanism = "rsa-oaep-sha256";
    let { ciphertext } = await hsm.encrypt(alice, handle, { mechanism, data: DATA });
    while (ciphertext[0] !== 0) {
      ({ ciphertext } = await hsm.encrypt(alice, handle, { mechanism, data: DATA }));
    }
    const decrypt = (given: Uint8Array) =>
      hsm.decrypt(alice, handle, { mechanism, iv: null, ciphertext: given });
    expect(await decrypt(ciphertext)).toEqual(DATA);
    for (const given of [ciphertext.subarray(1), Uint8Array.of(0, ...ciphertext)]) {
      expect(await codeOf(() => decrypt(given))).toBe("decryption_failed");
    }
  });

  it("makes a new IV each time", async () => {
    const cast = await activeHsm();
    const { handle } = await aes(cast);
    const request = { mechanism: "aes-gcm", data: DATA } as const;
    const one = await cast.hsm.encrypt(cast.alice, handle, request);
    const two = await cast.hsm.encrypt(cast.alice, handle, request);
    expect(one.iv).not.toEqual(two.iv);
    expect(one.iv).toHaveLength(12);
  });

  it("says no more than that it failed", async () => {
    const cast = await activeHsm();
    const { hsm, alice } = cast;
    const { handle } = await aes(cast);
    const { iv, ciphertext } = await hsm.encrypt(alice, handle, {
      mechanism: "aes-gcm",
      data: DATA,
      aad: Uint8Array.of(1),
    });
    const open = (change: object) => () =>
      hsm.decrypt(alice, handle, { mechanism: "aes-gcm", iv, ciphertext, ...change });
    expect(await codeOf(open({}))).toBe("decryption_failed");
    expect(await codeOf(open({ aad: Uint8Array.of(2) }))).toBe("decryption_failed");
    expect(await codeOf(open({ aad: Uint8Array.of(1), ciphertext: ciphertext.slice(1) }))).toBe(
      "decryption_failed",
    );
    await open({ aad: Uint8Array.of(1) })();
    expect(await codeOf(open({ iv: null }))).toBe("parameter_invalid");
    expect(await codeOf(open({ iv: new Uint8Array(16) }))).toBe("parameter_invalid");
  });

  it("refuses additional data that nothing would authenticate", async () => {
    const cast = await activeHsm();
    const { handle } = await aes(cast);
    const request = { mechanism: "aes-cbc", data: DATA, aad: DATA } as const;
    expect(await codeOf(() => cast.hsm.encrypt(cast.alice, handle, request))).toBe(
      "parameter_invalid",
    );
  });

  it("takes as much as OAEP can, and refuses a byte more", async () => {
    const cast = await activeHsm();
    const { handle } = await rsa(cast);
    const encrypt = (length: number) => () =>
      cast.hsm.encrypt(cast.alice, handle, {
        mechanism: "rsa-oaep-sha256",
        data: new Uint8Array(length),
      });
    await encrypt(190)();
    expect(await faultOf(encrypt(191))).toMatchObject({ code: "data_length", max: 190 });
  });
});

describe("digests", () => {
  it.each(["sha256", "sha384", "sha512"] as const)("are those of %s", async (algorithm) => {
    const { hsm, alice } = await activeHsm();
    const digest = await hsm.digest(alice, algorithm, DATA);
    expect(Buffer.from(digest).toString("hex")).toBe(
      createHash(algorithm).update(DATA).digest("hex"),
    );
  });
});

describe("generation", () => {
  it.each([128, 192, 256])("makes AES keys of %i bits that are local", async (sizeBits) => {
    const { hsm, alice } = await activeHsm();
    const view = await hsm.generateKey(alice, { type: "aes", sizeBits });
    expect(view).toMatchObject({ sizeBits, attributes: { local: true, alwaysSensitive: true } });
  });

  it.each([
    ["aes", 64],
    ["aes", 200],
    ["generic-secret", 0],
    ["generic-secret", 12],
    ["generic-secret", 6_408],
  ] as const)("refuses %s of %i bits", async (type, sizeBits) => {
    const { hsm, alice } = await activeHsm();
    expect(await codeOf(() => hsm.generateKey(alice, { type, sizeBits }))).toBe("key_unsupported");
  });

  it("makes RSA keys of odd steps, and refuses other sizes", async () => {
    const { hsm, alice } = await activeHsm();
    const make = (sizeBits: number) => hsm.generateKeyPair(alice, { type: "rsa", sizeBits });
    expect((await make(2_304)).sizeBits).toBe(2_304);
    for (const size of [1_024, 2_047, 2_100, 4_352]) {
      expect(await codeOf(() => make(size))).toBe("key_unsupported");
    }
  });

  it("refuses a curve the platform lacks", async () => {
    const { hsm, alice } = await activeHsm();
    const curve = "secp256k1" as "P-256";
    const make = () => hsm.generateKeyPair(alice, { type: "ec", curve });
    expect(await codeOf(make)).toBe("key_unsupported");
  });
});
