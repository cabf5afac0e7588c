/**
 * A data key wrapped for a recovery key of the hybrid kind: HPKE over MLKEM768-X25519.
 *
 * Spec: FORMAT.md §7.4. `info` binds the wrap to its place, the coins make it what it is; both are
 * the caller's.
 */
import { concatBytes } from "../../crypto/bytes.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import { keyMismatch } from "../format/errors.ts";
import { HYBRID_WRAP_BYTES, KEY_BYTES } from "../format/layout.ts";
import { type HpkePlatform, openMessage, sealMessage, suiteId } from "./hpke.ts";
import { decapsulate, encapsulate, HYBRID_ENC_BYTES } from "./hybrid-kem.ts";

/** The private half, as a kit or a key file holds it. */
export interface HybridRecoveryKey {
  readonly algorithm: "hybrid";
  /** 32 hex digits. */
  readonly id: string;
  /** 32 bytes. */
  readonly seed: SecretKey;
}

const KEM_MLKEM768_X25519 = 0x647a;
const SUITE = suiteId(KEM_MLKEM768_X25519);

/**
 * 1,168 fresh bytes, which equal arguments give again.
 * @param publicKey - 1,216 bytes that `isHybridPublicKey` takes.
 * @param dataKey - 32 bytes, borrowed.
 * @param coins - 64 bytes, borrowed, of this data key, `info` and public key alone.
 * @throws RangeError for another key or length.
 */
export async function wrapForHybrid(
  platform: HpkePlatform,
  publicKey: Uint8Array,
  dataKey: SecretKey,
  info: Uint8Array,
  coins: SecretKey,
): Promise<Uint8Array<ArrayBuffer>> {
  if (dataKey.length !== KEY_BYTES) throw new RangeError(`dataKey: expected ${KEY_BYTES} bytes`);
  const encapsulated = await encapsulate(publicKey, coins);
  if (encapsulated === null) throw new RangeError("publicKey: expected one that was checked");
  using sharedSecret = encapsulated.sharedSecret;
  const sealed = await sealMessage(platform, SUITE, sharedSecret, info, dataKey);
  return concatBytes(encapsulated.enc, sealed);
}

/**
 * The inverse: a fresh data key of 32 bytes.
 * @throws BackupError `key_mismatch` of the recovery key.
 */
export async function unwrapWithHybrid(
  platform: HpkePlatform,
  key: HybridRecoveryKey,
  wrapped: Uint8Array,
  info: Uint8Array,
): Promise<SecretKey> {
  const refused = keyMismatch("recovery", key.id, "refused");
  if (wrapped.length !== HYBRID_WRAP_BYTES) throw refused;
  using sharedSecret = await decapsulate(key.seed, wrapped.subarray(0, HYBRID_ENC_BYTES));
  if (sharedSecret === null) throw refused;
  const sealed = wrapped.subarray(HYBRID_ENC_BYTES);
  const dataKey = await openMessage(platform, SUITE, sharedSecret, info, sealed);
  if (dataKey === null) throw refused;
  return new SecretKey(dataKey);
}
