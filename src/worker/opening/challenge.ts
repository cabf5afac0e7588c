/**
 * A challenge for one of the deployment's recovery keys: does anybody still hold the private half?
 *
 * Spec: FORMAT.md §7.5, KIT.md §5. The answer does not leave here: only what tells it, once given.
 */
import { challengeDocument, makeChallenge } from "../../backup/seal/recovery-challenge.ts";
import { type RecoveryPublicKey, recoveryKeyId } from "../../backup/seal/recovery-keys.ts";
import type { MadeChallenge, RecoveryKeyName } from "../contracts/reader-api.ts";
import { Refused } from "../contracts/result.ts";
import { answerDigest } from "../platform/answer-digest.ts";
import type { Deployment } from "../platform/deployment.ts";
import { openCore, randomBytes } from "../platform/engine.ts";

/** The recovery keys of the deployment, those that new backups are sealed for first. */
export function recoveryKeyNames(deployment: Deployment): RecoveryKeyName[] {
  using core = openCore();
  const nameOf = (key: RecoveryPublicKey, state: RecoveryKeyName["state"]) => ({
    keyId: recoveryKeyId(core, key),
    kind: key.algorithm,
    state,
  });
  return [
    ...deployment.recoveryKeys.map((key) => nameOf(key, "active")),
    ...deployment.retiredRecoveryKeys.map((key) => nameOf(key, "retired")),
  ];
}

/** @throws Refused `recovery_key_not_found`. */
export async function challengeFor(
  { recoveryKeys, retiredRecoveryKeys }: Deployment,
  keyId: string,
): Promise<MadeChallenge> {
  using core = openCore();
  const keys = [...recoveryKeys, ...retiredRecoveryKeys];
  const key = keys.find((one) => recoveryKeyId(core, one) === keyId);
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
