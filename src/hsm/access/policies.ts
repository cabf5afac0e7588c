/**
 * Policies: password rules, lockout, and the approvals that services ask for.
 *
 * docs/HSM.md §5. One record, part of cluster state.
 */

import { type PolicyAttributes, putPolicies, readPolicies } from "../memory/policy-record.ts";
import type { HsmStore } from "../memory/store.ts";
import { HsmError } from "../rules/errors.ts";
import {
  DEFAULT_LOCKOUT_THRESHOLD,
  MAX_LOCKOUT_THRESHOLD,
  MAX_PASSWORD_CHARACTERS,
  MAX_QUORUM,
  MIN_PASSWORD_CHARACTERS,
  MIN_QUORUM,
} from "../rules/limits.ts";
import type { HsmContext } from "./context.ts";
import { authorize } from "./permissions.ts";
import type { SessionToken } from "./sessions.ts";
import { allUsers } from "./user-directory.ts";

export type QuorumService =
  | "user"
  | "quorum"
  | "cluster"
  | "key-management"
  | "key-usage"
  | "registration";

/** How the policies are shown. No secrets. */
export interface PoliciesView {
  readonly minPasswordCharacters: number;
  readonly maxPasswordCharacters: number;
  readonly lockoutThreshold: number;
  /** Approvals per service; null for none. */
  readonly quorum: Readonly<Record<QuorumService, number | null>>;
}

export const DEFAULT_POLICIES: PolicyAttributes = {
  minPasswordCharacters: MIN_PASSWORD_CHARACTERS,
  maxPasswordCharacters: MAX_PASSWORD_CHARACTERS,
  lockoutThreshold: DEFAULT_LOCKOUT_THRESHOLD,
  userQuorum: 0,
  quorumQuorum: 0,
  clusterQuorum: 0,
  keyManagementQuorum: 0,
  keyUsageQuorum: 0,
  registrationQuorum: 0,
};

/** What to change; the rest stays. A quorum of null asks for no approvals. */
export interface PoliciesChange {
  readonly minPasswordCharacters?: number;
  readonly maxPasswordCharacters?: number;
  readonly lockoutThreshold?: number;
  readonly quorum?: Readonly<Partial<Record<QuorumService, number | null>>>;
}

/** Anybody may read the rules, as a password prompt shows them. */
export function getPolicies(context: HsmContext): PoliciesView {
  return policiesView(readPolicies(context.store));
}

/** @throws HsmError `policy_invalid`, `quorum_unavailable`, and those of `authorize`. */
export function setPolicies(
  context: HsmContext,
  token: SessionToken,
  change: PoliciesChange,
): PoliciesView {
  return context.store.transaction(() => {
    authorize(context, token, "set policies");
    const next = merge(readPolicies(context.store), change);
    verifyPolicies(next);
    verifyQuorums(context.store, change);
    putPolicies(context.store, next);
    return policiesView(next);
  });
}

function merge(before: PolicyAttributes, change: PoliciesChange): PolicyAttributes {
  const quorum = change.quorum ?? {};
  const pick = (value: number | null | undefined, old: number): number =>
    value === undefined ? old : (value ?? 0);
  return {
    minPasswordCharacters: change.minPasswordCharacters ?? before.minPasswordCharacters,
    maxPasswordCharacters: change.maxPasswordCharacters ?? before.maxPasswordCharacters,
    lockoutThreshold: change.lockoutThreshold ?? before.lockoutThreshold,
    userQuorum: pick(quorum.user, before.userQuorum),
    quorumQuorum: pick(quorum.quorum, before.quorumQuorum),
    clusterQuorum: pick(quorum.cluster, before.clusterQuorum),
    keyManagementQuorum: pick(quorum["key-management"], before.keyManagementQuorum),
    keyUsageQuorum: pick(quorum["key-usage"], before.keyUsageQuorum),
    registrationQuorum: pick(quorum.registration, before.registrationQuorum),
  };
}

function verifyPolicies(next: PolicyAttributes): void {
  const { minPasswordCharacters: min, maxPasswordCharacters: max } = next;
  verifyRange("minPasswordCharacters", min, MIN_PASSWORD_CHARACTERS, MAX_PASSWORD_CHARACTERS);
  verifyRange("maxPasswordCharacters", max, min, MAX_PASSWORD_CHARACTERS);
  verifyRange("lockoutThreshold", next.lockoutThreshold, 1, MAX_LOCKOUT_THRESHOLD);
}

function verifyRange(field: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new HsmError({ code: "policy_invalid", field, why: `expected ${min} to ${max}` });
}

/** A quorum that nobody can reach would close its service for good. */
function verifyQuorums(store: HsmStore, change: PoliciesChange): void {
  for (const [service, approvals] of Object.entries(change.quorum ?? {})) {
    if (approvals === null || approvals === undefined) continue;
    verifyRange(`quorum.${service}`, approvals, MIN_QUORUM, MAX_QUORUM);
    const registered = countRegistered(store);
    if (registered < approvals) {
      throw new HsmError({ code: "quorum_unavailable", service, registered });
    }
  }
}

function countRegistered(store: HsmStore): number {
  let registered = 0;
  for (const { user } of allUsers(store)) if (user.quorumPublicKey.length > 0) registered++;
  return registered;
}

export function policiesView(policies: PolicyAttributes): PoliciesView {
  return {
    minPasswordCharacters: policies.minPasswordCharacters,
    maxPasswordCharacters: policies.maxPasswordCharacters,
    lockoutThreshold: policies.lockoutThreshold,
    quorum: {
      user: policies.userQuorum || null,
      quorum: policies.quorumQuorum || null,
      cluster: policies.clusterQuorum || null,
      "key-management": policies.keyManagementQuorum || null,
      "key-usage": policies.keyUsageQuorum || null,
      registration: policies.registrationQuorum || null,
    },
  };
}
