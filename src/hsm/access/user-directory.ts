/**
 * Users by id and by name, how they are shown and written back.
 *
 * docs/HSM.md §2. Decides nothing; verifiers are only ever handed to the store.
 */
import type { SecretKey } from "../../crypto/secret-key.ts";
import { RECORD_TYPE } from "../memory/record.ts";
import { type HsmStore, readAttributes, rowsOf } from "../memory/store.ts";
import {
  ROLE_NUMBER,
  ROLE_OF,
  type UserAttributes,
  type UserRole,
  userCodec,
} from "../memory/user-record.ts";
import { HsmError } from "../rules/errors.ts";
import type { HsmContext } from "./context.ts";
import type { PasswordVerifier } from "./passwords.ts";

/** How a user is shown. No secrets. */
export interface UserView {
  readonly id: number;
  readonly username: string;
  readonly role: UserRole;
  readonly locked: boolean;
  /** Wrong passwords since the last right one. */
  readonly failures: number;
  readonly createdAtMs: number;
  readonly passwordChangedAtMs: number;
  readonly quorumKeyRegistered: boolean;
}

export interface FoundUser {
  readonly id: number;
  readonly user: UserAttributes;
}

export function getUser(store: HsmStore, id: number): UserAttributes | null {
  const row = store.get(RECORD_TYPE.user, id);
  return row === null ? null : readAttributes(userCodec, row);
}

/**
 * A name as it is stored. Of the letters that names are made of alone: in Unicode, the sign of the
 * kelvin is a capital of k.
 */
export function storedName(username: string): string {
  return username.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** @param username - in any case. */
export function findUser(store: HsmStore, username: string): FoundUser | null {
  const row = store.find(RECORD_TYPE.user, storedName(username));
  return row === null ? null : { id: row.id, user: readAttributes(userCodec, row) };
}

/** @throws HsmError `user_not_found`. */
export function requireUser(store: HsmStore, username: string): FoundUser {
  const found = findUser(store, username);
  if (found === null) throw new HsmError({ code: "user_not_found", username });
  return found;
}

export function* allUsers(store: HsmStore): Generator<FoundUser> {
  for (const row of rowsOf(store, RECORD_TYPE.user)) {
    yield { id: row.id, user: readAttributes(userCodec, row) };
  }
}

/** What decides about a user's logins: the record, and over it what was counted since. */
export function counted(
  { attempts }: Pick<HsmContext, "attempts">,
  { id, user }: FoundUser,
): FoundUser {
  const { failures, locked } = attempts.get(id) ?? user;
  return { id, user: { ...user, failures, locked: isLockable(user) ? locked : 0 } };
}

/** Not PRECO: its password is shown to whoever may activate, and a lock would keep nobody else out. */
export function isLockable(user: UserAttributes): boolean {
  return ROLE_OF[user.role] !== "PRECO";
}

/**
 * Replaces a user: what was counted beside the record goes. So peers, who are given the record,
 * know that their count of it is over. @param verifier - borrowed; null for none.
 */
export function putUser(
  { store, attempts }: Pick<HsmContext, "store" | "attempts">,
  id: number,
  user: UserAttributes,
  verifier: SecretKey | null,
): void {
  const attributes = userCodec.encode(user);
  store.put({ type: RECORD_TYPE.user, id, attributes, secret: verifier }, user.username);
  attempts.delete(id);
}

/** As `putUser`, but keeps the verifier. */
export function updateUser(
  { store, attempts }: Pick<HsmContext, "store" | "attempts">,
  id: number,
  user: UserAttributes,
): void {
  const attributes = userCodec.encode(user);
  store.put({ type: RECORD_TYPE.user, id, attributes, secret: null }, user.username, true);
  attempts.delete(id);
}

/** Writes a user who has never logged in. @param verifier - borrowed. */
export function putNewUser(
  context: Pick<HsmContext, "store" | "attempts" | "now">,
  id: number,
  named: { readonly username: string; readonly role: UserRole },
  verifier: PasswordVerifier | null,
): void {
  const nowMs = context.now();
  const user: UserAttributes = {
    role: ROLE_NUMBER[named.role],
    username: named.username,
    locked: 0,
    failures: 0,
    ...verifierAttributes(verifier),
    createdAtMs: nowMs,
    passwordChangedAtMs: nowMs,
    quorumPublicKey: new Uint8Array(0),
  };
  putUser(context, id, user, verifier?.digest ?? null);
}

type VerifierAttributes = Pick<
  UserAttributes,
  "verifierAlgorithm" | "salt" | "verifierCalls" | "roundsPerCall"
>;

/** How a verifier was made, as its user's record tells it. */
export function verifierAttributes(verifier: PasswordVerifier | null): VerifierAttributes {
  if (verifier === null) {
    return { verifierAlgorithm: 0, salt: new Uint8Array(0), verifierCalls: 0, roundsPerCall: 0 };
  }
  const { salt, cost } = verifier;
  return {
    verifierAlgorithm: 1,
    salt,
    verifierCalls: cost.calls,
    roundsPerCall: cost.roundsPerCall,
  };
}

export function userView(found: FoundUser): UserView {
  const { id, user } = found;
  return {
    id,
    username: user.username,
    role: ROLE_OF[user.role],
    locked: user.locked === 1,
    failures: user.failures,
    createdAtMs: user.createdAtMs,
    passwordChangedAtMs: user.passwordChangedAtMs,
    quorumKeyRegistered: user.quorumPublicKey.length > 0,
  };
}

/** Names by id, looked up once each; "" for a user that is gone. */
export function userNames(store: HsmStore): (id: number) => string {
  const names = new Map<number, string>();
  return (id) => {
    const known = names.get(id);
    if (known !== undefined) return known;
    const name = getUser(store, id)?.username ?? "";
    names.set(id, name);
    return name;
  };
}
