/**
 * The KEM MLKEM768-X25519 (X-Wing), derandomised: the one place that calls @noble/post-quantum.
 *
 * draft-connolly-cfrg-xwing-kem; FORMAT.md §7.4. Loaded when it is first needed, so that a page
 * that opens no such file does not load it. Not constant time: docs/decisions/0028-hybrid-kem.md.
 * The library would draw randomness of its own for arguments that are left out; here none is.
 */
import { SecretKey } from "../../crypto/secret-key.ts";
import { HYBRID_SEED_BYTES, isHybridPublicKey } from "../format/hybrid-key.ts";

/** ML-KEM ciphertext 1,088 ‖ X25519 ephemeral key 32. */
export const HYBRID_ENC_BYTES = 1120;
/** What an encapsulation takes of randomness: ML-KEM 32 ‖ X25519 32. */
export const HYBRID_COINS_BYTES = 64;

export interface Encapsulated {
  /** 1,120 bytes, public. */
  readonly enc: Uint8Array;
  /** 32 bytes, fresh; the caller disposes of it. */
  readonly sharedSecret: SecretKey;
}

async function loadKem() {
  const { ml_kem768_x25519 } = await import("@noble/post-quantum/hybrid.js");
  return ml_kem768_x25519;
}

/** The public key of a seed of 32 bytes, borrowed: 1,216 fresh bytes. */
export async function hybridPublicKey(seed: SecretKey): Promise<Uint8Array> {
  const kem = await loadKem();
  requireLength("seed", seed, HYBRID_SEED_BYTES);
  return seed.use((bytes) => kem.getPublicKey(bytes));
}

/**
 * A shared secret for whoever has the seed of `publicKey`; equal coins give equal bytes.
 * @param coins - 64 bytes, secret, borrowed, for one encapsulation only.
 * @returns null if `isHybridPublicKey` does not hold.
 */
export async function encapsulate(
  publicKey: Uint8Array,
  coins: SecretKey,
): Promise<Encapsulated | null> {
  const kem = await loadKem();
  requireLength("coins", coins, HYBRID_COINS_BYTES);
  if (!isHybridPublicKey(publicKey)) return null;
  const { cipherText, sharedSecret } = coins.use((bytes) => kem.encapsulate(publicKey, bytes));
  return { enc: cipherText, sharedSecret: new SecretKey(sharedSecret) };
}

/**
 * The shared secret of `enc`: a fresh key of 32 bytes. An `enc` for another seed, or a changed one,
 * gives a secret that nobody else has (FIPS 203 §6.3).
 * @param seed - 32 bytes, borrowed.
 * @returns null for another length, or a point of low order.
 */
export async function decapsulate(seed: SecretKey, enc: Uint8Array): Promise<SecretKey | null> {
  const kem = await loadKem();
  requireLength("seed", seed, HYBRID_SEED_BYTES);
  try {
    return new SecretKey(seed.use((bytes) => kem.decapsulate(enc, bytes)));
  } catch {
    // The library throws plain errors: for another length, and where X25519 gives zeros alone
    // (RFC 7748 §6.1).
    return null;
  }
}

function requireLength(name: string, key: SecretKey, bytes: number): void {
  if (key.length !== bytes) throw new RangeError(`${name}: expected ${bytes} bytes`);
}
