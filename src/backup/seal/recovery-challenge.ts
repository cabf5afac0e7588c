/**
 * A challenge for a recovery key: a secret that only its private half opens, and the answer to it.
 *
 * Spec: FORMAT.md §7.5. It has a label of its own, so that nobody can have the data key of a backup
 * opened as one.
 */
import { encodeBase64, encodeHex, requireHex } from "../../crypto/base-encodings.ts";
import { concatBytes } from "../../crypto/bytes.ts";
import type { Core } from "../../crypto/core.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import type { RandomBytes } from "../../crypto/web-crypto.ts";
import { encodeCbor } from "../format/cbor.ts";
import { BackupError } from "../format/errors.ts";
import {
  ANSWER_BYTES,
  CHALLENGE_FORMAT,
  CHALLENGE_ID_BYTES,
  KEY_BYTES,
  LABEL,
  labelBytes,
} from "../format/layout.ts";
import { HYBRID_COINS_BYTES } from "./hybrid-kem.ts";
import {
  type RecoveryAlgorithm,
  type RecoveryKey,
  type RecoveryPlatform,
  type RecoveryPublicKey,
  recoveryKeyId,
  unwrapBound,
  wrapBound,
} from "./recovery-keys.ts";

export interface RecoveryChallenge {
  readonly kind: RecoveryAlgorithm;
  /** 32 hex digits. */
  readonly keyId: string;
  /** 32 hex digits, random. */
  readonly challengeId: string;
  /** Public: 1,168 or 384 bytes. */
  readonly wrapped: Uint8Array;
}

/** As the members of a JSON object, in the order of KIT.md. */
export function challengeDocument(challenge: RecoveryChallenge): Readonly<Record<string, string>> {
  const { kind, keyId, challengeId, wrapped } = challenge;
  return { format: CHALLENGE_FORMAT, kind, keyId, challengeId, wrapped: encodeBase64(wrapped) };
}

/** A fresh challenge for `key`, and the one answer to it: 32 hex digits, secret until it is given. */
export async function makeChallenge(
  platform: RecoveryPlatform & { readonly random: RandomBytes },
  key: RecoveryPublicKey,
): Promise<{ readonly challenge: RecoveryChallenge; readonly answer: string }> {
  const { core, random } = platform;
  const keyId = recoveryKeyId(core, key);
  const challengeId = encodeHex(random(CHALLENGE_ID_BYTES));
  using secret = new SecretKey(random(KEY_BYTES));
  using coins = new SecretKey(random(HYBRID_COINS_BYTES));
  const wrapped = await wrapBound(platform, key, secret, boundTo(keyId, challengeId), coins);
  const challenge = { kind: key.algorithm, keyId, challengeId, wrapped };
  return { challenge, answer: answerOf(core, secret, challengeId) };
}

/** Why there is no answer: the key is not among those that are here, or does not open it. */
export type ChallengeFault = "challenge_key_absent" | "challenge_refused";

export class ChallengeError extends Error {
  readonly code: ChallengeFault;

  constructor(code: ChallengeFault, keyId: string) {
    super(describeChallengeFault(code, keyId));
    this.name = "ChallengeError";
    this.code = code;
  }
}

function describeChallengeFault(code: ChallengeFault, keyId: string): string {
  return code === "challenge_key_absent"
    ? `This challenge is for recovery key ${keyId}, whose private half is not in this kit. Take the ` +
        "kit that was made with that key."
    : `Recovery key ${keyId} does not open this challenge: it was changed, or the kit has another ` +
        "key under this id. Take the challenge from the deployment again, then another copy of the kit.";
}

/**
 * The answer, with the private half: 32 hex digits.
 * @throws ChallengeError.
 */
export async function answerChallenge(
  platform: RecoveryPlatform,
  keys: readonly RecoveryKey[],
  { kind, keyId, challengeId, wrapped }: RecoveryChallenge,
): Promise<string> {
  const key = keys.find(({ id, algorithm }) => id === keyId && algorithm === kind);
  if (key === undefined) throw new ChallengeError("challenge_key_absent", keyId);
  using secret = await unwrapBound(platform, key, wrapped, boundTo(keyId, challengeId)).catch(
    (error) => {
      throw error instanceof BackupError ? new ChallengeError("challenge_refused", keyId) : error;
    },
  );
  if (secret.length !== KEY_BYTES) throw new ChallengeError("challenge_refused", keyId);
  return answerOf(platform.core, secret, challengeId);
}

/** LABEL(recovery-challenge) ‖ CBOR([key id, challenge id]), the ids as bytes. */
function boundTo(keyId: string, challengeId: string): Uint8Array {
  const ids = [requireHex(keyId), requireHex(challengeId)];
  return concatBytes(labelBytes(LABEL.recoveryChallenge), encodeCbor(ids));
}

/** KDF(secret, recovery-answer, challenge id, 128). */
function answerOf(core: Core, secret: SecretKey, challengeId: string): string {
  using answer = core.kdfCounter(
    secret,
    LABEL.recoveryAnswer,
    requireHex(challengeId),
    ANSWER_BYTES,
  );
  return answer.use(encodeHex);
}
