/**
 * The KDF in counter mode (SP 800-108r1 §4.1) with every choice of profile spelt out.
 *
 * The work is in assembly/kdf.ts. The product derives keys by `Core.kdfCounter`, one
 * fixed profile; this form is for peers and vectors. With AES-CMAC whoever knows
 * K_IN can choose a derived key (§6.7).
 */
import { CoreMemory, KDF_MAX_BYTES, KEY_BYTES, verifyLength } from "./memory.ts";
import type { SecretKey } from "./secret-key.ts";

/** The hashes of the core (FIPS 180-4). */
export type HashName = "SHA-224" | "SHA-256" | "SHA-384" | "SHA-512";
/** A PRF: HMAC with a hash, or AES-CMAC. */
export type PrfName = `HMAC-${HashName}` | "AES-CMAC";

/** Bytes of a digest; assembly/hash.ts names the hashes by them. */
export const DIGEST_BYTES_OF: Readonly<Record<HashName, number>> = {
  "SHA-224": 28,
  "SHA-256": 32,
  "SHA-384": 48,
  "SHA-512": 64,
};

/** Bytes of a PRF's output; assembly/kdf.ts names the PRFs by them. */
const PRF_BYTES: Readonly<Record<PrfName, number>> = {
  "AES-CMAC": 16,
  "HMAC-SHA-224": 28,
  "HMAC-SHA-256": 32,
  "HMAC-SHA-384": 48,
  "HMAC-SHA-512": 64,
};

/** One derivation: the PRF's input is `before ‖ [i] ‖ after` for i = 1, 2, …. */
export interface CounterKdfRequest {
  readonly prf: PrfName;
  /** r, the width of the counter. */
  readonly counterBits: 8 | 16 | 24 | 32;
  /** Fixed input before and after the counter; either may be empty. Borrowed. */
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  /** L in bytes, 1 to 512 KiB, and at most (2^r − 1) outputs of the PRF. */
  readonly lengthBytes: number;
}

/**
 * Derives `lengthBytes` from `keyIn` (1 to 128 bytes; with AES-CMAC 16, 24 or 32): a fresh array.
 * @throws RangeError if a length, or n > 2^r − 1, is not allowed.
 */
export function counterKdf(
  memory: CoreMemory,
  keyIn: SecretKey,
  request: CounterKdfRequest,
): Uint8Array {
  const { prf, counterBits, before, after, lengthBytes } = request;
  const counterBytes = counterBits / 8;
  const messageBytes = before.length + counterBytes + after.length;
  verifyLength("fixed input and counter", messageBytes, 1, KDF_MAX_BYTES);
  verifyLength("lengthBytes", lengthBytes, 1, KDF_MAX_BYTES);
  if (prf === "AES-CMAC") verifyLength("keyIn", keyIn.length, 16, 32, 8);
  else verifyLength("keyIn", keyIn.length, 1, KEY_BYTES);
  // SP 800-108r1 §4.1 step 2.
  const outputs = Math.ceil(lengthBytes / PRF_BYTES[prf]);
  if (outputs > 2 ** counterBits - 1) {
    throw new RangeError(
      `lengthBytes: ${outputs} outputs of ${prf} do not fit a ${counterBits}-bit counter`,
    );
  }
  const derivedAt = (messageBytes + 15) & ~15;
  try {
    memory.putData(before);
    memory.putData(after, before.length + counterBytes);
    const length = keyIn.use((bytes) => {
      memory.putKey(bytes);
      return memory.exports.kdfCounter(
        PRF_BYTES[prf],
        bytes.length,
        messageBytes,
        before.length,
        counterBytes,
        lengthBytes,
      );
    });
    return memory.takeData(derivedAt, CoreMemory.counted(length));
  } finally {
    memory.wipePassing(derivedAt + lengthBytes);
  }
}
