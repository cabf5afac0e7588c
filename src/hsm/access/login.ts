/**
 * Logging in: the password against the verifier, the failure counter, the lock.
 *
 * docs/HSM.md §2.3. The verifier is compared in constant time by the core; an unknown user costs as
 * much time as a known one.
 */
import type { SecretKey } from "../../crypto/secret-key.ts";
import { readPolicies } from "../memory/policy-record.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { SALT_BYTES, type UserAttributes } from "../memory/user-record.ts";
import { HsmError } from "../rules/errors.ts";
import type { HsmContext } from "./context.ts";
import { deriveVerifier } from "./passwords.ts";
import { digestOfToken, openSession, type SessionToken, sessionUserId } from "./sessions.ts";
import {
  type FoundUser,
  findUser,
  getUser,
  type UserView,
  updateUser,
  userView,
} from "./user-directory.ts";

export interface Login {
  /** A secret of the user's: 15 minutes without use end it. */
  readonly token: SessionToken;
  readonly user: UserView;
}

/** What an attempt came to. It is thrown, if at all, after the failure counter has been written. */
type Outcome = "right" | "wrong" | "locked" | "changed";

/**
 * @param username - in any case.
 * @throws HsmError `login_failed`, `user_locked`, `changed_meanwhile`, `session_limit`.
 */
export async function login(
  context: HsmContext,
  username: string,
  password: string,
): Promise<Login> {
  const found = findUser(context.store, username);
  if (found !== null && found.user.locked === 1) throw locked(found.user);
  const known = found !== null && found.user.verifierAlgorithm === 1 ? found : null;
  const candidate = await deriveCandidate(context, known?.user ?? null, password);
  try {
    if (known === null) throw new HsmError({ code: "login_failed" });
    const outcome = context.store.transaction(() => judge(context, known, candidate));
    return finish(context, known, outcome);
  } finally {
    candidate[Symbol.dispose]();
  }
}

export function logout(context: HsmContext, token: SessionToken): void {
  context.sessions.delete(digestOfToken(context, token));
}

/** Who is logged in with this token. @throws HsmError `session_invalid`. */
export function whoAmI(context: HsmContext, token: SessionToken): UserView {
  const id = sessionUserId(context, token);
  const user = getUser(context.store, id);
  if (user === null) throw new HsmError({ code: "session_invalid" });
  return userView({ id, user });
}

/** The same work for a user who does not exist, so that the time does not tell. */
async function deriveCandidate(
  context: HsmContext,
  user: UserAttributes | null,
  password: string,
): Promise<SecretKey> {
  if (user === null) {
    const salt = new Uint8Array(SALT_BYTES);
    return await deriveVerifier(context.subtle, password, salt, context.passwordCost);
  }
  const cost = { calls: user.verifierCalls, roundsPerCall: user.roundsPerCall };
  return await deriveVerifier(context.subtle, password, user.salt, cost);
}

/**
 * Compares and counts, in one transaction. Everything is looked at anew: other attempts may have
 * run while this one was deriving, so a right guess that comes after the lock is refused.
 */
function judge(context: HsmContext, before: FoundUser, candidate: SecretKey): Outcome {
  const { store, core } = context;
  const user = getUser(store, before.id);
  if (user === null) return "wrong";
  if (user.locked === 1) return "locked";
  if (!core.equal(user.salt, before.user.salt)) return "changed";
  using verifier = store.secret(RECORD_TYPE.user, before.id);
  if (verifier === null) return "wrong";
  const isRight = verifier.use((held) => candidate.use((given) => core.equal(held, given)));
  if (isRight) {
    if (user.failures > 0) updateUser(store, before.id, { ...user, failures: 0 });
    return "right";
  }
  const failures = user.failures + 1;
  const isLocked = failures > readPolicies(store).lockoutThreshold;
  updateUser(store, before.id, { ...user, failures, locked: isLocked ? 1 : 0 });
  return "wrong";
}

function finish(context: HsmContext, known: FoundUser, outcome: Outcome): Login {
  switch (outcome) {
    case "right": {
      const token = openSession(context, known);
      return { token, user: whoAmI(context, token) };
    }
    case "wrong":
      throw new HsmError({ code: "login_failed" });
    case "locked":
      throw locked(known.user);
    case "changed":
      throw new HsmError({ code: "changed_meanwhile", what: "The password" });
  }
}

function locked(user: UserAttributes): HsmError {
  return new HsmError({ code: "user_locked", username: user.username });
}
