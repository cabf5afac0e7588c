/**
 * The one policy record and its attributes: password rules, lockout, quorum per service. No secret
 * part.
 *
 * FORMAT.md §4; docs/HSM.md §5, §9.
 */

import { HsmError } from "../rules/errors.ts";
import {
  MAX_LOCKOUT_THRESHOLD,
  MAX_PASSWORD_CHARACTERS,
  MAX_QUORUM,
  MIN_PASSWORD_CHARACTERS,
} from "../rules/limits.ts";
import { type AttributesCodec, attributesCodec, numberField } from "./attributes-codec.ts";
import { RECORD_TYPE } from "./record.ts";
import { type HsmStore, readAttributes } from "./store.ts";

export const POLICY_ID = 0;

export interface PolicyAttributes {
  readonly minPasswordCharacters: number;
  readonly maxPasswordCharacters: number;
  /** A user with more wrong passwords in a row than this is locked. */
  readonly lockoutThreshold: number;
  /** Approvals that a service asks for; 0 for none. */
  readonly userQuorum: number;
  readonly quorumQuorum: number;
  readonly clusterQuorum: number;
  readonly keyManagementQuorum: number;
  readonly keyUsageQuorum: number;
  readonly registrationQuorum: number;
}

export const policyCodec: AttributesCodec<PolicyAttributes> = attributesCodec<PolicyAttributes>({
  minPasswordCharacters: numberField(1, MIN_PASSWORD_CHARACTERS, MAX_PASSWORD_CHARACTERS),
  maxPasswordCharacters: numberField(2, MIN_PASSWORD_CHARACTERS, MAX_PASSWORD_CHARACTERS),
  lockoutThreshold: numberField(3, 1, MAX_LOCKOUT_THRESHOLD),
  userQuorum: numberField(4, 0, MAX_QUORUM),
  quorumQuorum: numberField(5, 0, MAX_QUORUM),
  clusterQuorum: numberField(6, 0, MAX_QUORUM),
  keyManagementQuorum: numberField(7, 0, MAX_QUORUM),
  keyUsageQuorum: numberField(8, 0, MAX_QUORUM),
  registrationQuorum: numberField(9, 0, MAX_QUORUM),
});

/** @throws HsmError `not_manufactured`. */
export function readPolicies(store: HsmStore): PolicyAttributes {
  const row = store.get(RECORD_TYPE.policy, POLICY_ID);
  if (row === null) throw new HsmError({ code: "not_manufactured" });
  return readAttributes(policyCodec, row);
}

export function putPolicies(store: HsmStore, policies: PolicyAttributes): void {
  const attributes = policyCodec.encode(policies);
  store.put({ type: RECORD_TYPE.policy, id: POLICY_ID, attributes, secret: null }, "");
}
