import { generateKeyPairSync, randomBytes } from "node:crypto";
import { bech32 } from "@scure/base";
import { describe, expect, it } from "vitest";
import { findSecrets, jwkSecrets, privateKeySecrets } from "../../scripts/story/secret-forms.ts";
import { encodeAgeSecretKey } from "../../src/backup/format/age-keys.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";

const secret = { name: "canary", bytes: randomBytes(32) };
const value = Buffer.from(secret.bytes);

function surrounded(bytes: Buffer): Buffer {
  return Buffer.concat([randomBytes(1001), bytes, randomBytes(1001)]);
}

/** The characters of a Base64 text in which the value begins `before` bytes after the start. */
function base64After(before: number): Buffer {
  return Buffer.from(
    Buffer.concat([randomBytes(before), value, randomBytes(5)]).toString("base64"),
  );
}

/** Under another prefix, whatever its checksum makes of that. */
function bech32Of(bytes: Uint8Array): string {
  return bech32.encode("age-secret-key-", bech32.toWords(bytes), false);
}

describe("the search for secrets", () => {
  it.each([
    ["raw", value],
    ["hexadecimal", Buffer.from(value.toString("hex"))],
    ["capital hexadecimal", Buffer.from(value.toString("hex").toUpperCase())],
    ["UTF-16", Buffer.from(value.toString("latin1"), "utf16le")],
    ["Base64", base64After(0)],
    ["Base64 after one byte", base64After(1)],
    ["Base64 after two bytes", base64After(2)],
    ["Base64url", Buffer.from(value.toString("base64url"))],
    ["a private key of age's", Buffer.from(encodeAgeSecretKey(SecretKey.copyOf(value)))],
    ["the same in lower case", Buffer.from(bech32Of(value))],
    ["the last part of a value cut by the end of a page", value.subarray(6)],
  ])("finds a canary written as %s", (_, written) => {
    const findings = findSecrets([secret], "file", surrounded(written));
    expect(findings.map((finding) => finding.secret)).toContain("canary");
  });

  it("finds nothing in random bytes", () => {
    expect(findSecrets([secret], "file", randomBytes(100_000))).toEqual([]);
  });

  it.each(["rsa", "ec"] as const)("finds an %s key in DER and in a JWK", (type) => {
    const { privateKey } =
      type === "rsa"
        ? generateKeyPairSync("rsa", { modulusLength: 2048 })
        : generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    const secrets = privateKeySecrets("key", pem);
    const der = surrounded(privateKey.export({ type: "pkcs8", format: "der" }));
    const jwk = Buffer.from(JSON.stringify(privateKey.export({ format: "jwk" })));
    for (const text of [der, jwk, Buffer.from(pem.replaceAll("\n", ""))]) {
      expect(findSecrets(secrets, "file", text).length).toBeGreaterThan(0);
    }
  });

  it("takes the secret members of a symmetric JWK only", () => {
    const jwk = { kty: "oct", k: value.toString("base64url"), kid: "public" };
    expect(jwkSecrets("key", jwk)).toEqual([{ name: "key k", bytes: value }]);
  });

  it("refuses a secret too short to be told from chance", () => {
    const short = { name: "short", bytes: new Uint8Array(7) };
    expect(() => findSecrets([short], "file", randomBytes(10))).toThrow("at least 8 bytes");
  });
});
