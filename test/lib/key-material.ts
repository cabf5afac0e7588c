/**
 * Key material for the tests of import: Node's own keys in every form they are carried in.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import type { JsonWebKey } from "../../src/crypto/web-crypto.ts";
import type { KeyMaterial } from "../../src/hsm/keys/material.ts";
import { rsaKey } from "./rsa-keys.ts";

const privateKey = rsaKey(2048);
export const RSA = { privateKey, publicKey: createPublicKey(privateKey) };
export const CURVES = [
  ["P-256", "prime256v1", 256],
  ["P-384", "secp384r1", 384],
  ["P-521", "secp521r1", 521],
] as const;
export const EC = Object.fromEntries(
  CURVES.map(([name, namedCurve]) => [name, generateKeyPairSync("ec", { namedCurve })]),
);

export function pem(key: KeyObject, type: "pkcs8" | "pkcs1" | "sec1" | "spki"): string {
  return key.export({ format: "pem", type } as never) as string;
}

export function der(key: KeyObject, type: "pkcs8" | "spki"): Uint8Array {
  return Uint8Array.from(key.export({ format: "der", type } as never) as unknown as Buffer);
}

export function jwk(key: KeyObject): JsonWebKey {
  return key.export({ format: "jwk" }) as JsonWebKey;
}

export function raw(type: "aes" | "generic-secret", length: number): KeyMaterial {
  return { format: "raw", type, key: new SecretKey(new Uint8Array(length).fill(7)) };
}
