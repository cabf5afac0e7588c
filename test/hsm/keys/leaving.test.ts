import { createCipheriv, createPrivateKey, createPublicKey } from "node:crypto";
import { describe, expect, it } from "vitest";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import type { ExportFormat } from "../../../src/hsm/keys/export.ts";
import type { WrapMechanism } from "../../../src/hsm/keys/wrapping.ts";
import { activeHsm, type Cast, codeOf, faultOf } from "../../lib/hsm.ts";

const BYTES = Uint8Array.from({ length: 32 }, (_, i) => i);
const FORMATS: readonly ExportFormat[] = ["raw", "pkcs8", "pem", "jwk"];

async function importAes({ hsm, alice }: Cast, bytes: Uint8Array, attributes: object = {}) {
  const material = { format: "raw", type: "aes", key: SecretKey.copyOf(bytes) } as const;
  return (await hsm.importKey(alice, { material, attributes })).handle;
}

describe("export", () => {
  it("gives a secret key as raw bytes or JWK", async () => {
    const cast = await activeHsm();
    const handle = await importAes(cast, BYTES);
    const raw = await cast.hsm.exportKey(cast.alice, handle, "raw");
    expect("key" in raw && raw.key.use((bytes) => [...bytes])).toEqual([...BYTES]);
    const jwk = await cast.hsm.exportKey(cast.alice, handle, "jwk");
    expect(jwk).toEqual({
      format: "jwk",
      jwk: { kty: "oct", k: Buffer.from(BYTES).toString("base64url") },
    });
  });

  it("gives a private key as PEM that OpenSSL reads, and as JWK", async () => {
    const { hsm, alice } = await activeHsm();
    const view = await hsm.generateKeyPair(alice, { type: "ec", curve: "P-521" });
    const exported = await hsm.exportKey(alice, view.handle, "pem");
    const key = createPrivateKey("pem" in exported ? exported.pem : "");
    const publicPem = createPublicKey(key).export({ format: "pem", type: "spki" });
    expect(publicPem).toBe(view.publicKeyPem);
    const jwk = await hsm.exportKey(alice, view.handle, "jwk");
    expect("jwk" in jwk && jwk.jwk).toEqual(key.export({ format: "jwk" }));
  });

  it.each(FORMATS)("keeps in what is not extractable, as %s", async (format) => {
    const { hsm, alice } = await activeHsm();
    const attributes = { extractable: false };
    const keys = [
      await hsm.generateKey(alice, { type: "aes", sizeBits: 256, attributes }),
      await hsm.generateKey(alice, { type: "generic-secret", sizeBits: 64, attributes }),
      await hsm.generateKeyPair(alice, { type: "rsa", sizeBits: 2048, attributes }),
      await hsm.generateKeyPair(alice, { type: "ec", curve: "P-256", attributes }),
    ];
    for (const { handle } of keys) {
      const fault = await faultOf(() => hsm.exportKey(alice, handle, format));
      expect(fault).toMatchObject({ code: "key_not_extractable", handle });
    }
  });

  it("keeps in what leaves only under a trusted key", async () => {
    const cast = await activeHsm();
    const handle = await importAes(cast, BYTES, { wrapWithTrusted: true });
    for (const format of FORMATS) {
      const leave = () => cast.hsm.exportKey(cast.alice, handle, format);
      expect(await codeOf(leave)).toBe("key_not_extractable");
    }
  });

  it("refuses a format that does not fit the key", async () => {
    const cast = await activeHsm();
    const aes = await importAes(cast, BYTES);
    const { hsm, alice } = cast;
    const ec = await hsm.generateKeyPair(alice, { type: "ec", curve: "P-256" });
    expect(await codeOf(() => hsm.exportKey(alice, aes, "pkcs8"))).toBe("parameter_invalid");
    expect(await codeOf(() => hsm.exportKey(alice, ec.handle, "raw"))).toBe("parameter_invalid");
  });
});

describe("wrapping", () => {
  const kek = { wrap: true, unwrap: true };

  it.each<[WrapMechanism, string]>([
    ["aes-kw", "id-aes256-wrap"],
    ["aes-kwp", "id-aes256-wrap-pad"],
  ])("agrees with OpenSSL on %s", async (mechanism, cipherName) => {
    const cast = await activeHsm();
    const wrapping = await importAes(cast, BYTES, kek);
    const handle = await importAes(cast, BYTES.subarray(0, 16));
    const wrapped = cast.hsm.wrapKey(cast.alice, handle, wrapping, mechanism);
    const iv = Buffer.from(mechanism === "aes-kw" ? "a6".repeat(8) : "a65959a6", "hex");
    const cipher = createCipheriv(cipherName, BYTES, iv);
    const expected = Buffer.concat([cipher.update(BYTES.subarray(0, 16)), cipher.final()]);
    expect(Buffer.from(wrapped).toString("hex")).toBe(expected.toString("hex"));
  });

  it.each([
    ["aes", "aes-kw"],
    ["aes", "aes-kwp"],
    ["generic-secret", "aes-kwp"],
    ["ec", "aes-kwp"],
    ["rsa", "aes-kwp"],
  ] as const)("brings back a key of type %s with %s", async (type, mechanism) => {
    const cast = await activeHsm();
    const { hsm, alice } = cast;
    const wrapping = await importAes(cast, BYTES, kek);
    const original =
      type === "ec"
        ? await hsm.generateKeyPair(alice, { type, curve: "P-384" })
        : type === "rsa"
          ? await hsm.generateKeyPair(alice, { type, sizeBits: 2048 })
          : await hsm.generateKey(alice, { type, sizeBits: 192 });
    const wrapped = hsm.wrapKey(alice, original.handle, wrapping, mechanism);
    const back = await hsm.unwrapKey(alice, wrapping, {
      mechanism,
      wrapped,
      type,
      attributes: { label: "back", extractable: false },
    });
    expect(back).toMatchObject({
      label: "back",
      checkValue: original.checkValue,
      publicKeyPem: original.publicKeyPem,
      sizeBits: original.sizeBits,
      attributes: { local: false, neverExtractable: false, alwaysSensitive: false },
    });
  });

  it("keeps in what is not extractable", async () => {
    const cast = await activeHsm();
    const wrapping = await importAes(cast, BYTES, kek);
    const handle = await importAes(cast, BYTES, { extractable: false });
    for (const mechanism of ["aes-kw", "aes-kwp"] as const) {
      const leave = () => cast.hsm.wrapKey(cast.alice, handle, wrapping, mechanism);
      expect(await codeOf(leave)).toBe("key_not_extractable");
    }
  });

  it("wraps a key that asks for trust only under a key that an admin trusts", async () => {
    const cast = await activeHsm();
    const { hsm, admin, alice } = cast;
    const attributes = { ...kek, extractable: false };
    const generated = await hsm.generateKey(alice, { type: "aes", sizeBits: 256, attributes });
    const imported = await importAes(cast, BYTES, attributes);
    const handle = await importAes(cast, BYTES, { wrapWithTrusted: true });
    const leave = (wrapping: number) => () => hsm.wrapKey(alice, handle, wrapping, "aes-kwp");
    for (const wrapping of [generated.handle, imported]) {
      expect(await codeOf(leave(wrapping))).toBe("key_not_extractable");
    }
    const trust = (wrapping: number) => () => hsm.setAttributes(admin, wrapping, { trusted: true });
    expect(await codeOf(trust(imported))).toBe("attribute_refused");
    expect(await codeOf(leave(imported))).toBe("key_not_extractable");
    trust(generated.handle)();
    expect(leave(generated.handle)()).toHaveLength(40);
  });

  it("asks for the flags of the wrapping key", async () => {
    const cast = await activeHsm();
    const { hsm, alice } = cast;
    const bare = await importAes(cast, BYTES);
    const handle = await importAes(cast, BYTES);
    expect(await codeOf(() => hsm.wrapKey(alice, handle, bare, "aes-kw"))).toBe("key_usage");
    const request = { mechanism: "aes-kw", wrapped: BYTES, type: "aes" } as const;
    expect(await codeOf(() => hsm.unwrapKey(alice, bare, request))).toBe("key_usage");
  });

  it("refuses wrapped bytes with any bit flipped, and adds no key", async () => {
    const cast = await activeHsm();
    const { hsm, alice } = cast;
    const wrapping = await importAes(cast, BYTES, kek);
    const handle = await importAes(cast, BYTES);
    const wrapped = hsm.wrapKey(alice, handle, wrapping, "aes-kwp");
    for (let bit = 0; bit < 8 * wrapped.length; bit += 7) {
      const changed = wrapped.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const request = { mechanism: "aes-kwp", wrapped: changed, type: "aes" } as const;
      expect(await codeOf(() => hsm.unwrapKey(alice, wrapping, request))).toBe("unwrap_failed");
    }
    expect(hsm.listKeys(alice).keys).toHaveLength(2);
  });

  it("refuses KW for what is not whole semiblocks", async () => {
    const cast = await activeHsm();
    const { hsm, alice } = cast;
    const wrapping = await importAes(cast, BYTES, kek);
    const odd = await hsm.generateKey(alice, { type: "generic-secret", sizeBits: 8 * 17 });
    expect(await codeOf(() => hsm.wrapKey(alice, odd.handle, wrapping, "aes-kw"))).toBe(
      "mechanism_unsupported",
    );
  });
});
