/**
 * A challenge for one of the deployment's recovery keys: does anybody still hold the private half?
 *
 * Spec: FORMAT.md §7.5, KIT.md §5. The answer does not leave here: only what tells it, once given.
 */
import { challengeDocument, makeChallenge } from "../../backup/seal/recovery-challenge.ts";
import { recoveryKeyId } from "../../backup/seal/recovery-keys.ts";
import type { MadeChallenge, RecoveryKeyName } from "../contracts/reader-api.ts";
import { Refused } from "../contracts/result.ts";
import { answerDigest } from "../platform/answer-digest.ts";
import type { Deployment } from "../platform/deployment.ts";
import { openCore, randomBytes } from "../platform/engine.ts";

/** The recovery keys that new backups are sealed for, in the order of the variable. */
export function recoveryKeyNames({ recoveryKeys }: Deployment): RecoveryKeyName[] {
  using core = openCore();
  return recoveryKeys.map((key) => ({ keyId: recoveryKeyId(core, key), kind: key.algorithm }));
}

/** @throws Refused `recovery_key_not_found`. */
export async function challengeFor(
  { recoveryKeys }: Deployment,
  keyId: string,
): Promise<MadeChallenge> {
  using core = openCore();
  const key = recoveryKeys.find((one) => recoveryKeyId(core, one) === keyId);
  if (key === undefined) {
    const message = `This deployment has no recovery key '${keyId}'. GET /v1/recovery-keys lists them.`;
    throw new Refused({ kind: "not_found", code: "recovery_key_not_found", message });
  }
  const platform = { core, subtle: crypto.subtle, random: randomBytes };
  const { challenge, answer } = await makeChallenge(platform, key);
  const { challengeId } = challenge;
  const digest = await answerDigest(challengeId, answer);
  return { challengeId, answerDigest: digest, document: challengeDocument(challenge) };
}
