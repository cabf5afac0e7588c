/**
 * Every way an HSM refuses: one tagged union, one class, one sentence each that says what to do.
 *
 * docs/HSM.md §7. Facts only: no password, key, token or plaintext is ever part of a fault.
 */
import { type AccessFault, describeAccessFault } from "./access-faults.ts";
import { describeObjectFault, type ObjectFault } from "./object-faults.ts";
import { shownText } from "./plain-text.ts";

/** What befell one item of a batch, of which nothing was taken. */
export interface BatchItemFault {
  readonly code: "batch_item";
  readonly index: number;
  readonly cause: AccessFault | ObjectFault;
}

export type HsmFault = AccessFault | ObjectFault | BatchItemFault;

/** What kind of answer a fault calls for; a surface maps these, not every code. */
export type FaultFamily =
  | "authentication"
  | "permission"
  | "absent"
  | "conflict"
  | "limit"
  | "invalid";

export class HsmError extends Error {
  readonly fault: HsmFault;

  constructor(fault: HsmFault) {
    super(describeHsmFault(fault));
    this.name = "HsmError";
    this.fault = fault;
  }
}

/** Runs `f` for one item of a batch: its refusal names the item. */
export function itemOfBatch<T>(index: number, f: () => T): T {
  try {
    return f();
  } catch (error) {
    throw batchItemError(index, error);
  }
}

/** What to throw when item `index` of a batch failed with `error`. */
export function batchItemError(index: number, error: unknown): unknown {
  if (!(error instanceof HsmError) || error.fault.code === "batch_item") return error;
  return new HsmError({ code: "batch_item", index, cause: error.fault });
}

/**
 * One sentence or two for the person who asked: what is wrong and what to do. Names that it quotes
 * look like what they are.
 */
export function describeHsmFault(fault: HsmFault): string {
  if (fault.code === "batch_item") {
    return `Item ${fault.index}: ${describeHsmFault(fault.cause)} Nothing was imported.`;
  }
  return shownText(isAccessFault(fault) ? describeAccessFault(fault) : describeObjectFault(fault));
}

export function faultFamily(fault: HsmFault): FaultFamily {
  return fault.code === "batch_item" ? faultFamily(fault.cause) : FAMILY[fault.code];
}

function isAccessFault(fault: AccessFault | ObjectFault): fault is AccessFault {
  return fault.code in ACCESS_FAMILY;
}

const ACCESS_FAMILY: Readonly<Record<AccessFault["code"], FaultFamily>> = {
  login_failed: "authentication",
  session_invalid: "authentication",
  session_limit: "limit",
  not_permitted: "permission",
  quorum_required: "permission",
  quorum_unavailable: "conflict",
  password_invalid: "invalid",
  username_invalid: "invalid",
  role_invalid: "invalid",
  verifier_invalid: "invalid",
  user_exists: "conflict",
  user_not_found: "absent",
  user_limit: "limit",
  user_protected: "conflict",
  user_owns_objects: "conflict",
  already_activated: "conflict",
  not_manufactured: "conflict",
  already_manufactured: "conflict",
  already_initialized: "conflict",
  not_initialized: "conflict",
  policy_invalid: "invalid",
  changed_meanwhile: "conflict",
};

const FAMILY: Readonly<Record<Exclude<HsmFault["code"], "batch_item">, FaultFamily>> = {
  ...ACCESS_FAMILY,
  key_not_found: "absent",
  key_limit: "limit",
  asymmetric_key_limit: "limit",
  key_unsupported: "invalid",
  key_unreadable: "invalid",
  key_not_owned: "permission",
  key_not_extractable: "permission",
  key_not_destroyable: "permission",
  key_usage: "permission",
  attribute_refused: "invalid",
  share_refused: "invalid",
  mechanism_unsupported: "invalid",
  data_length: "invalid",
  parameter_invalid: "invalid",
  decryption_failed: "invalid",
  unwrap_failed: "invalid",
  batch_limit: "limit",
  certificate_unreadable: "invalid",
  certificate_not_found: "absent",
  certificate_limit: "limit",
  record_invalid: "invalid",
};
