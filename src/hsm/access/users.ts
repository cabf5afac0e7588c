/**
 * Users: created, given passwords, unlocked, deleted, listed; and activation.
 *
 * docs/HSM.md §2. Verifiers are derived before a transaction; everything is checked again inside
 * it.
 */

import { countOwned, stripShares } from "../memory/ownership.ts";
import { readPolicies } from "../memory/policy-record.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { ROLE_NUMBER, ROLE_OF, type UserRole } from "../memory/user-record.ts";
import { HsmError } from "../rules/errors.ts";
import { MAX_USERNAME_CHARACTERS, MAX_USERS } from "../rules/limits.ts";
import { putConfiguration, readConfiguration } from "./configuration.ts";
import type { HsmContext } from "./context.ts";
import { generateVerifier, type PasswordVerifier, verifyPasswordRules } from "./passwords.ts";
import { authorize, type Caller } from "./permissions.ts";
import { digestOfToken, type SessionToken } from "./sessions.ts";
import {
  allUsers,
  counted,
  type FoundUser,
  findUser,
  putNewUser,
  putUser,
  requireUser,
  storedName,
  type UserView,
  userView,
  verifierAttributes,
} from "./user-directory.ts";

/** Roles that an admin gives out. */
export type NewRole = "CO" | "CU";

export interface NewUser {
  readonly username: string;
  readonly role: NewRole;
  readonly password: string;
}

/**
 * PRECO sets its password and becomes the first CO: the cluster is activated.
 * @throws HsmError `already_activated`, `not_initialized`, `password_invalid`.
 */
export async function activate(
  context: HsmContext,
  token: SessionToken,
  password: string,
): Promise<UserView> {
  const { user } = authorize(context, token, "change own password");
  if (ROLE_OF[user.role] !== "PRECO") throw new HsmError({ code: "already_activated" });
  return await changePassword(context, token, user.username, password);
}

/**
 * A user sets their own password, or an admin anybody's, which also unlocks. PRECO's change
 * activates the cluster. Other sessions of the user end.
 *
 * @throws HsmError `password_invalid`, `user_not_found`, `not_initialized`, and those of `authorize`.
 */
export async function changePassword(
  context: HsmContext,
  token: SessionToken,
  username: string,
  password: string,
): Promise<UserView> {
  const check = (): FoundUser => {
    const target = passwordTarget(context, token, username);
    if (isPreCo(target)) verifyInitialized(context);
    verifyPasswordRules(password, readPolicies(context.store));
    return target;
  };
  check();
  return await withVerifier(context, token, password, (verifier) => {
    const target = check();
    const { id, user } = target;
    const isActivation = isPreCo(target);
    const next = {
      ...user,
      ...verifierAttributes(verifier),
      role: isActivation ? ROLE_NUMBER.CO : user.role,
      locked: 0 as const,
      failures: 0,
      passwordChangedAtMs: context.now(),
    };
    putUser(context, id, next, verifier.digest);
    if (isActivation) noteActivation(context);
    context.sessions.deleteUser(id, digestOfToken(context, token));
    return userView({ id, user: next });
  });
}

/** @throws HsmError `username_invalid`, `role_invalid`, `user_exists`, `user_limit`, … */
export async function createUser(
  context: HsmContext,
  token: SessionToken,
  request: NewUser,
): Promise<UserView> {
  const check = (): void => {
    authorize(context, token, "manage users");
    verifyNewUser(context, request.username, request.role);
    verifyPasswordRules(request.password, readPolicies(context.store));
  };
  check();
  return await withVerifier(context, token, request.password, (verifier) => {
    check();
    return addUser(context, request.username, request.role, verifier);
  });
}

/**
 * @throws HsmError `user_protected` (oneself, PRECO, the appliance user), `user_owns_objects`.
 */
export function deleteUser(context: HsmContext, token: SessionToken, username: string): void {
  context.store.transaction(() => {
    const caller = authorize(context, token, "manage users");
    const { id, user } = requireUser(context.store, username);
    verifyDeletable(caller, { id, user });
    const owned = countOwned(context.store, id);
    if (owned.keys > 0 || owned.certificates > 0) {
      throw new HsmError({ code: "user_owns_objects", username: user.username, ...owned });
    }
    // Ids may be used again after a restore: nothing may go on naming this one.
    stripShares(context.store, id);
    context.store.delete(RECORD_TYPE.user, id);
    context.attempts.delete(id);
    context.sessions.deleteUser(id, "");
  });
}

/** Counts and locks of others are shown to admins alone: a guesser could watch them otherwise. */
export function listUsers(context: HsmContext, token: SessionToken): UserView[] {
  const caller = authorize(context, token, "list users");
  return Array.from(allUsers(context.store), (found) => {
    const view = userView(counted(context, found));
    const isShown = caller.role === "CO" || caller.id === view.id;
    return isShown ? view : { ...view, locked: false, failures: 0 };
  });
}

/** Inserts a user inside a transaction, after `verifyNewUser`. @param verifier - borrowed. */
export function addUser(
  context: HsmContext,
  username: string,
  role: NewRole,
  verifier: PasswordVerifier,
): UserView {
  const id = context.store.lastId(RECORD_TYPE.user) + 1;
  putNewUser(context, id, { username: storedName(username), role }, verifier);
  return userView(requireUser(context.store, username));
}

/** Name, role and room. */
export function verifyNewUser(context: HsmContext, username: string, role: string): void {
  if (!/^[A-Za-z0-9_]+$/.test(username) || username.length > MAX_USERNAME_CHARACTERS) {
    throw new HsmError({ code: "username_invalid", max: MAX_USERNAME_CHARACTERS });
  }
  if (role !== "CO" && role !== "CU") throw new HsmError({ code: "role_invalid", got: role });
  if (findUser(context.store, username) !== null) {
    throw new HsmError({ code: "user_exists", username: storedName(username) });
  }
  if (context.store.count(RECORD_TYPE.user) >= MAX_USERS) {
    throw new HsmError({ code: "user_limit", limit: MAX_USERS });
  }
}

function passwordTarget(context: HsmContext, token: SessionToken, username: string): FoundUser {
  const caller = authorize(context, token, "change own password");
  if (storedName(username) === caller.user.username) return { id: caller.id, user: caller.user };
  authorize(context, token, "change any password");
  return requireUser(context.store, username);
}

function verifyDeletable(caller: Caller, target: FoundUser): void {
  const { username } = target.user;
  const role: UserRole = ROLE_OF[target.user.role];
  if (caller.id === target.id) {
    throw new HsmError({ code: "user_protected", username, why: "nobody deletes oneself" });
  }
  if (role === "AU" || role === "PRECO") {
    throw new HsmError({ code: "user_protected", username, why: "the service needs it" });
  }
}

function isPreCo({ user }: FoundUser): boolean {
  return ROLE_OF[user.role] === "PRECO";
}

/** Until its owner has claimed it by a certificate, nobody's password may make it theirs. */
function verifyInitialized({ store }: HsmContext): void {
  if (readConfiguration(store).clusterCertificatePem !== "") return;
  throw new HsmError({ code: "not_initialized" });
}

function noteActivation(context: HsmContext): void {
  const configuration = readConfiguration(context.store);
  putConfiguration(context.store, { ...configuration, activatedAtMs: context.now() });
}

/** Derives outside, at the name of whoever is logged in; writes inside a transaction; wipes. */
async function withVerifier<T>(
  context: HsmContext,
  token: SessionToken,
  password: string,
  write: (verifier: PasswordVerifier) => T,
): Promise<T> {
  const { user } = authorize(context, token, "change own password");
  const verifier = await context.turns.derive(user.username, (turn) =>
    generateVerifier(context, password, turn),
  );
  try {
    return context.store.transaction(() => write(verifier));
  } finally {
    verifier.digest[Symbol.dispose]();
  }
}
