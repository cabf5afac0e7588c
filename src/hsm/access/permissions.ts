/**
 * Who may do what: the permission table as data, and the one function that asks it.
 *
 * docs/HSM.md §2.2 shows the same table. Ownership and sharing of keys come on top, in
 * `keys/lookup.ts`.
 */

import { type PolicyAttributes, readPolicies } from "../memory/policy-record.ts";
import { ROLE_OF, type UserAttributes, type UserRole } from "../memory/user-record.ts";
import { HsmError } from "../rules/errors.ts";
import type { HsmContext } from "./context.ts";
import { type SessionToken, sessionUserId } from "./sessions.ts";
import { getUser } from "./user-directory.ts";

export type Permission =
  | "read cluster information"
  | "change own password"
  | "change any password"
  | "manage users"
  | "list users"
  | "set policies"
  | "list keys"
  | "manage keys"
  | "encrypt and decrypt"
  | "sign and verify"
  | "digest"
  | "mark keys trusted"
  | "list certificates"
  | "manage certificates";

/** Somebody with a role, or nobody logged in. */
export type Asker = UserRole | "nobody";

/**
 * For each permission, who has it. PRECO can do nothing but take its own password, which activates.
 */
export const PERMISSIONS: Readonly<Record<Permission, readonly Asker[]>> = {
  "read cluster information": ["CO", "CU", "AU", "PRECO", "nobody"],
  "change own password": ["CO", "CU", "AU", "PRECO"],
  "change any password": ["CO"],
  "manage users": ["CO"],
  "list users": ["CO", "CU", "AU", "PRECO"],
  "set policies": ["CO"],
  "list keys": ["CO", "CU", "AU"],
  "manage keys": ["CU"],
  "encrypt and decrypt": ["CU"],
  "sign and verify": ["CU"],
  digest: ["CU"],
  "mark keys trusted": ["CO"],
  "list certificates": ["CO", "CU", "AU"],
  "manage certificates": ["CU"],
};

/** The quorum service that each permission belongs to; those not named never ask for a quorum. */
const QUORUM_FIELD: Readonly<Partial<Record<Permission, keyof PolicyAttributes>>> = {
  "change any password": "userQuorum",
  "manage users": "userQuorum",
  "set policies": "quorumQuorum",
};

/** Who is asking, as their record says now. */
export interface Caller {
  readonly id: number;
  readonly role: UserRole;
  readonly user: UserAttributes;
}

/**
 * The user behind `token`, if their role has `permission`.
 * @throws HsmError `session_invalid`, `not_permitted`, `quorum_required`.
 */
export function authorize(
  context: HsmContext,
  token: SessionToken,
  permission: Permission,
): Caller {
  const id = sessionUserId(context, token);
  const user = getUser(context.store, id);
  if (user === null) throw new HsmError({ code: "session_invalid" });
  const role = ROLE_OF[user.role];
  if (!PERMISSIONS[permission].includes(role)) {
    throw new HsmError({ code: "not_permitted", permission, role });
  }
  verifyQuorum(context, permission);
  return { id, role, user };
}

/** A service that asks for a quorum is closed to a single user. */
function verifyQuorum(context: HsmContext, permission: Permission): void {
  const field = QUORUM_FIELD[permission];
  if (field === undefined) return;
  const approvals = readPolicies(context.store)[field];
  if (approvals > 0)
    throw new HsmError({ code: "quorum_required", service: permission, approvals });
}
