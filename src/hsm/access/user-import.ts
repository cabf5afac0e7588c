/**
 * Users in bulk, with the verifiers of their passwords: from another system of ours, or a
 * generator.
 *
 * docs/HSM.md §2.4. A verifier that takes less or more work than this HSM's own is refused: less is
 * weak, and more would tell users apart and hold up whoever logs in beside them.
 */
import type { SecretKey } from "../../crypto/secret-key.ts";
import { SALT_BYTES, VERIFIER_BYTES } from "../memory/user-record.ts";
import type { AccessFault } from "../rules/access-faults.ts";
import { HsmError, itemOfBatch } from "../rules/errors.ts";
import { MAX_IMPORT_BATCH } from "../rules/limits.ts";
import type { HsmContext } from "./context.ts";
import { isSameCost, type PasswordCost, type PasswordVerifier } from "./passwords.ts";
import { authorize } from "./permissions.ts";
import type { SessionToken } from "./sessions.ts";
import type { UserView } from "./user-directory.ts";
import { addUser, type NewRole, verifyNewUser } from "./users.ts";

export interface UserImport {
  readonly username: string;
  readonly role: NewRole;
  /** Borrowed: the caller disposes of `digest`. */
  readonly verifier: PasswordVerifier;
}

/**
 * All of them or none. @param requests - at most `MAX_IMPORT_BATCH`.
 * @throws HsmError `batch_limit`, `batch_item` with its cause, and those of `authorize`.
 */
export function importUsers(
  context: HsmContext,
  token: SessionToken,
  requests: readonly UserImport[],
): UserView[] {
  if (requests.length > MAX_IMPORT_BATCH) {
    throw new HsmError({ code: "batch_limit", max: MAX_IMPORT_BATCH, got: requests.length });
  }
  return context.store.transaction(() => {
    authorize(context, token, "manage users");
    return requests.map((request, index) =>
      itemOfBatch(index, () => {
        verifyNewUser(context, request.username, request.role);
        verifyVerifier(request.verifier, context.passwordCost);
        return addUser(context, request.username, request.role, request.verifier);
      }),
    );
  });
}

function verifyVerifier(verifier: PasswordVerifier, own: PasswordCost): void {
  const refuse = (why: string): never => {
    const fault: AccessFault = { code: "verifier_invalid", why };
    throw new HsmError(fault);
  };
  if (verifier.salt.length !== SALT_BYTES) refuse(`its salt is not ${SALT_BYTES} bytes`);
  verifyDigest(verifier.digest, refuse);
  if (isSameCost(verifier.cost, own)) return;
  refuse(`it was not made by ${own.calls} calls of ${own.roundsPerCall} rounds`);
}

function verifyDigest(digest: SecretKey, refuse: (why: string) => never): void {
  if (digest.length !== VERIFIER_BYTES) refuse(`its digest is not ${VERIFIER_BYTES} bytes`);
}
