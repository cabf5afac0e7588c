/**
 * Wraps for a hybrid recovery key whose X25519 half nobody drew: a point whose product with any
 * scalar is known. FORMAT.md §7.4, with each step of X-Wing and HPKE spelt out.
 */
import { createCipheriv, createHash, createHmac } from "node:crypto";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { encode, rfc8949EncodeOptions } from "cborg";
import { LABEL, labelBytes } from "../../../src/backup/format/layout.ts";
import { locationTexts, type SealLocation } from "../../../src/backup/seal/location.ts";
import { counterRandom, recoveryPublicKey } from "../fixtures.ts";
import { join } from "./forge.ts";

const ML_KEM_PUBLIC_BYTES = 1184;
const SUITE = Buffer.from("HPKE\x64\x7a\x00\x01\x00\x02", "latin1");

/** Little-endian, 32 bytes. */
function point(u: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(u.toString(16).padStart(64, "0"), "hex")).reverse();
}

const P = 2n ** 255n - 19n;
/** Of order 8. */
const ORDER_EIGHT = 0xb8495f16056286fdb1329ceb8d09da6ac49ff1fae35616aeb8413b7c7aebe0n;

/** Points that give zeros with every scalar. */
export const LOW_ORDER: readonly Uint8Array[] = [0n, 1n, ORDER_EIGHT, P - 1n, P, P + 1n].map(point);

/** The base point in each of its forms: it gives the public key of whoever multiplies it. */
export const BASE_POINT: readonly Uint8Array[] = [9n, 9n + P, 9n + 2n ** 255n].map(point);

/** @param seed - of the seal; what it draws follows from it. @param xPoint - of the two lists. */
export function oddHybridWrap(
  seed: string,
  location: SealLocation,
  xPoint: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const random = counterRandom(`${seed}/seal`);
  const [sealId, dataKey] = [random(16), random(32)];
  const { bytes: publicKey } = recoveryPublicKey("hybrid");
  const own = publicKey.subarray(ML_KEM_PUBLIC_BYTES);
  const shared = LOW_ORDER.includes(xPoint) ? new Uint8Array(32) : own;
  const coins = counterRandom(`${seed}/odd`)(32);
  const mlKem = ml_kem768.encapsulate(publicKey.subarray(0, ML_KEM_PUBLIC_BYTES), coins);
  const combined = join(mlKem.sharedSecret, shared, xPoint, own, Buffer.from("\\.//^\\"));
  const secret = createHash("sha3-256").update(combined).digest();
  const bound = encode([...locationTexts(location), sealId], rfc8949EncodeOptions);
  const { key, nonce } = keySchedule(secret, join(labelBytes(LABEL.recoveryHpke), bound));
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const sealed = join(cipher.update(dataKey), cipher.final(), cipher.getAuthTag());
  return join(mlKem.cipherText, xPoint, sealed);
}

/** RFC 9180 §5.1, mode base. */
function keySchedule(secret: Uint8Array, info: Uint8Array) {
  const hmac = (key: Uint8Array, ...parts: Uint8Array[]) =>
    createHmac("sha256", key)
      .update(join(...parts))
      .digest();
  const named = (name: string) => join(Buffer.from("HPKE-v1"), SUITE, Buffer.from(name));
  const nothing = new Uint8Array(0);
  const [id, hash] = [hmac(nothing, named("psk_id_hash")), hmac(nothing, named("info_hash"), info)];
  const context = join(Uint8Array.of(0), id, hash);
  const extracted = hmac(secret, named("secret"));
  const expand = (name: string, length: number) =>
    hmac(extracted, Uint8Array.of(0, length), named(name), context, Uint8Array.of(1)).subarray(
      0,
      length,
    );
  return { key: expand("key", 32), nonce: expand("base_nonce", 12) };
}
