/**
 * Recovery keys: recipients of a data key whose private half lies in recovery kits, of two kinds.
 *
 * Spec: FORMAT.md §7.4. The hybrid kind (recovery-hybrid.ts) is the default; RSA (recovery-rsa.ts) is
 * for keys that live in hardware.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import { concatBytes, equalBytes } from "../../crypto/bytes.ts";
import type { Core } from "../../crypto/core.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import type { Subtle } from "../../crypto/web-crypto.ts";
import { encodeCbor } from "../format/cbor.ts";
import { isHybridPublicKey } from "../format/hybrid-key.ts";
import { KEY_ID_BYTES, LABEL, labelBytes } from "../format/layout.ts";
import { isRecoverySpki } from "../format/recovery-spki.ts";
import { HYBRID_COINS_BYTES } from "./hybrid-kem.ts";
import { locationTexts, type SealLocation } from "./location.ts";
import { type HybridRecoveryKey, unwrapWithHybrid, wrapForHybrid } from "./recovery-hybrid.ts";
import { type RsaRecoveryKey, unwrapWithRsa, wrapForRsa } from "./recovery-rsa.ts";

/** The private half, as a kit holds it. */
export type RecoveryKey = HybridRecoveryKey | RsaRecoveryKey;

export type RecoveryAlgorithm = RecoveryKey["algorithm"];

/** The public half, as a deployment holds it. */
export interface RecoveryPublicKey {
  readonly algorithm: RecoveryAlgorithm;
  /** hybrid: 1,216 bytes; rsa: SubjectPublicKeyInfo, DER. */
  readonly bytes: Uint8Array;
}

/** What a wrap is bound to. */
export interface WrapPlace {
  readonly location: SealLocation;
  /** 16 bytes. */
  readonly sealId: Uint8Array;
}

export interface RecoveryPlatform {
  readonly core: Core;
  readonly subtle: Subtle;
}

/** Whether `bytes` is a public key that may be wrapped for: FORMAT.md §7.4. */
function isRecoveryPublicKey({ algorithm, bytes }: RecoveryPublicKey): boolean {
  return algorithm === "hybrid" ? isHybridPublicKey(bytes) : isRecoverySpki(bytes);
}

/** The first 16 bytes of SHA-256 of the public key, as 32 hex digits. */
export function recoveryKeyId(core: Core, { bytes }: RecoveryPublicKey): string {
  return encodeHex(core.sha256(bytes).subarray(0, KEY_ID_BYTES));
}

/**
 * A data key (32 bytes, borrowed) for `key`: 1,168 fresh bytes for a hybrid key, which equal arguments
 * give again, 384 for an RSA key.
 * @throws RangeError for a key that may not be wrapped for.
 */
export async function wrapForRecovery(
  platform: RecoveryPlatform,
  key: RecoveryPublicKey,
  dataKey: SecretKey,
  place: WrapPlace,
): Promise<Uint8Array> {
  using coins = recoveryCoins(platform.core, dataKey, key.bytes, place);
  return await wrapBound(platform, key, dataKey, boundTo(LABELS[key.algorithm], place), coins);
}

/**
 * The inverse, with the private half: a fresh data key, whose length is not checked.
 * @throws BackupError `key_mismatch` of the recovery key.
 */
export function unwrapWithRecovery(
  platform: RecoveryPlatform,
  key: RecoveryKey,
  wrapped: Uint8Array,
  place: WrapPlace,
): Promise<SecretKey> {
  return unwrapBound(platform, key, wrapped, boundTo(LABELS[key.algorithm], place));
}

/**
 * A secret of 32 bytes (borrowed) for `key`, bound to `bound`: info of HPKE, or the label of OAEP.
 * @param coins - 64 bytes, borrowed, of this secret, `bound` and key alone; RSA takes none of them.
 * @throws RangeError for a key that may not be wrapped for.
 */
export async function wrapBound(
  { core, subtle }: RecoveryPlatform,
  key: RecoveryPublicKey,
  secret: SecretKey,
  bound: Uint8Array,
  coins: SecretKey,
): Promise<Uint8Array> {
  if (!isRecoveryPublicKey(key)) throw new RangeError("key: expected one that was checked");
  if (key.algorithm === "rsa") return await wrapForRsa(subtle, key.bytes, secret, bound);
  return await wrapForHybrid({ core, subtle }, key.bytes, secret, bound, coins);
}

/** The inverse. @throws BackupError `key_mismatch` of the recovery key. */
export async function unwrapBound(
  platform: RecoveryPlatform,
  key: RecoveryKey,
  wrapped: Uint8Array,
  bound: Uint8Array,
): Promise<SecretKey> {
  if (key.algorithm === "rsa") return await unwrapWithRsa(platform.subtle, key, wrapped, bound);
  return await unwrapWithHybrid(platform, key, wrapped, bound);
}

/**
 * Whether `wrapped` is what a hybrid `key` gets of this data key: made again, and compared. It says
 * nothing of who has the private half. Null for an RSA key: OAEP is random.
 */
export async function isWrapFor(
  platform: RecoveryPlatform,
  key: RecoveryPublicKey,
  wrapped: Uint8Array,
  dataKey: SecretKey,
  place: WrapPlace,
): Promise<boolean | null> {
  if (key.algorithm === "rsa") return null;
  return equalBytes(await wrapForRecovery(platform, key, dataKey, place), wrapped);
}

/** KDF(dataKey, recovery-coins, CBOR([[the texts of the location], sealId, SHA-256(key)]), 512). */
function recoveryCoins(
  core: Core,
  dataKey: SecretKey,
  publicKey: Uint8Array,
  { location, sealId }: WrapPlace,
): SecretKey {
  const context = encodeCbor([locationTexts(location), sealId, core.sha256(publicKey)]);
  return core.kdfCounter(dataKey, LABEL.recoveryCoins, context, HYBRID_COINS_BYTES);
}

const LABELS: Readonly<Record<RecoveryAlgorithm, string>> = {
  hybrid: LABEL.recoveryHpke,
  rsa: LABEL.recovery,
};

/** LABEL(label) ‖ CBOR([the texts of the location, sealId]). */
function boundTo(label: string, { location, sealId }: WrapPlace): Uint8Array {
  return concatBytes(labelBytes(label), encodeCbor([...locationTexts(location), sealId]));
}
