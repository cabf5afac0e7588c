/**
 * Logging in: the password against the verifier, the failure counter, the lock.
 *
 * docs/HSM.md §2.3 and §2.5. The verifier is compared in constant time by the core; the work and the
 * answer are the same whether a user is unknown, locked, or met with a wrong password.
 */
import type { SecretKey } from "../../crypto/secret-key.ts";
import { readPolicies } from "../memory/policy-record.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { SALT_BYTES, type UserAttributes } from "../memory/user-record.ts";
import { HsmError } from "../rules/errors.ts";
import { type Attempts, NO_ATTEMPTS, NOBODY } from "./attempts.ts";
import type { HsmContext } from "./context.ts";
import { deriveVerifier, generateVerifier, isSameCost, type PasswordCost } from "./passwords.ts";
import { digestOfToken, openSession, type SessionToken, sessionUserId } from "./sessions.ts";
import type { Turn } from "./turns.ts";
import {
  counted,
  type FoundUser,
  findUser,
  getUser,
  isLockable,
  putUser,
  storedName,
  type UserView,
  updateUser,
  userView,
  verifierAttributes,
} from "./user-directory.ts";

export interface Login {
  /** A secret of the user's: 15 minutes without use end it. */
  readonly token: SessionToken;
  readonly user: UserView;
}

/** What an attempt came to. It is thrown, if at all, after the count has been written. */
type Outcome = "right" | "wrong" | "changed";

/** Whose verifier is unwrapped where a name has none: `admin`, whom every HSM begins with. */
const DECOY_USER_ID = 1;
const MAX_FAILURES = 0xffff_ffff;

/**
 * An unknown name, a wrong password and a locked user's right one take the same work: derivation,
 * comparison, one count written, the same refusal.
 *
 * @param username - in any case.
 * @throws HsmError `login_failed`, `changed_meanwhile`, `session_limit`.
 */
export async function login(
  context: HsmContext,
  username: string,
  password: string,
): Promise<Login> {
  context.attempts.admit();
  // By the name as it is given, known or not: a place in the queue tells nothing of it either.
  return await context.turns.derive(storedName(username), async (turn) => {
    const found = findUser(context.store, username);
    const known = found?.user.verifierAlgorithm === 1 ? found : null;
    using candidate = await deriveCandidate(context, known?.user ?? null, password, turn);
    const outcome = context.store.transaction(() => judge(context, known, candidate));
    if (known !== null && outcome === "right") await renewVerifier(context, known, password, turn);
    return finish(context, known, outcome);
  });
}

export function logout(context: HsmContext, token: SessionToken): void {
  context.sessions.delete(digestOfToken(context, token));
}

/** Who is logged in with this token. @throws HsmError `session_invalid`. */
export function whoAmI(context: HsmContext, token: SessionToken): UserView {
  const id = sessionUserId(context, token);
  const user = getUser(context.store, id);
  if (user === null) throw new HsmError({ code: "session_invalid" });
  return userView(counted(context, { id, user }));
}

/** Takes what was counted beside the users' records into them, in one change. */
export function mergeAttempts(context: HsmContext): void {
  context.store.transaction(() => {
    for (const id of context.attempts.users()) {
      const user = getUser(context.store, id);
      if (user === null) throw new Error(`unreachable: attempts at user ${id}, who is not there`);
      updateUser(context, id, counted(context, { id, user }).user);
    }
  });
}

/** The same work for a user who does not exist, so that the time does not tell. */
async function deriveCandidate(
  context: HsmContext,
  user: UserAttributes | null,
  password: string,
  turn: Turn,
): Promise<SecretKey> {
  const { subtle, passwordCost } = context;
  if (user === null) {
    return await deriveVerifier(subtle, password, new Uint8Array(SALT_BYTES), passwordCost, turn);
  }
  return await deriveVerifier(subtle, password, user.salt, costOf(user), turn);
}

function costOf(user: UserAttributes): PasswordCost {
  return { calls: user.verifierCalls, roundsPerCall: user.roundsPerCall };
}

/**
 * A verifier of an old backup may have been made with other rounds, which whoever measures time can
 * see, or with so many that they hold up all others: it is made anew, if records may be written.
 */
async function renewVerifier(
  context: HsmContext,
  { id, user: before }: FoundUser,
  password: string,
  turn: Turn,
): Promise<void> {
  const { store, core } = context;
  if (isSameCost(costOf(before), context.passwordCost) || !context.takesChanges()) return;
  const verifier = await generateVerifier(context, password, turn);
  using digest = verifier.digest;
  store.transaction(() => {
    const user = getUser(store, id);
    const isSame = user !== null && core.equal(user.salt, before.salt);
    if (!isSame || !context.takesChanges()) return;
    const now = counted(context, { id, user }).user;
    putUser(context, id, { ...now, ...verifierAttributes(verifier) }, digest);
  });
}

/**
 * Compares and counts, in one transaction. Everything is looked at anew: other attempts may have
 * run while this one was deriving, so a right guess that comes after the lock is refused.
 */
function judge(context: HsmContext, before: FoundUser | null, candidate: SecretKey): Outcome {
  const { store, attempts, core } = context;
  attempts.admit();
  const user = before === null ? null : getUser(store, before.id);
  const isEqual = isVerified(context, before?.id ?? DECOY_USER_ID, candidate);
  if (before === null || user === null) {
    attempts.put(NOBODY, afterFailure(context, attempts.get(NOBODY) ?? NO_ATTEMPTS, false));
    return "wrong";
  }
  if (!core.equal(user.salt, before.user.salt)) return "changed";
  const { failures, locked } = counted(context, { id: before.id, user }).user;
  if (isEqual && locked === 0) {
    if (failures > 0) attempts.put(before.id, NO_ATTEMPTS);
    return "right";
  }
  attempts.put(before.id, afterFailure(context, { failures, locked }, isLockable(user)));
  return "wrong";
}

function isVerified({ store, core }: HsmContext, userId: number, candidate: SecretKey): boolean {
  using verifier = store.secret(RECORD_TYPE.user, userId);
  if (verifier === null) return false;
  return verifier.use((held) => candidate.use((given) => core.equal(held, given)));
}

function afterFailure({ store }: HsmContext, before: Attempts, mayLock: boolean): Attempts {
  const failures = Math.min(before.failures + 1, MAX_FAILURES);
  const isOver = failures > readPolicies(store).lockoutThreshold;
  return { failures, locked: before.locked === 1 || (isOver && mayLock) ? 1 : 0 };
}

function finish(context: HsmContext, known: FoundUser | null, outcome: Outcome): Login {
  if (outcome === "changed") {
    throw new HsmError({ code: "changed_meanwhile", what: "The password" });
  }
  if (known === null || outcome === "wrong") throw new HsmError({ code: "login_failed" });
  const token = openSession(context, known);
  return { token, user: whoAmI(context, token) };
}
