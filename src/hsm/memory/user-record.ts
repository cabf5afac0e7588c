/**
 * The attributes of a user record. Its secret part is the password verifier: 32 bytes, or none.
 *
 * FORMAT.md §4; docs/HSM.md §2, §9. Numbers of roles are CloudHSM's.
 */
import {
  type AttributesCodec,
  attributesCodec,
  bytesField,
  choiceField,
  numberField,
  textField,
} from "./attributes-codec.ts";

export type UserRole = "CU" | "CO" | "AU" | "PRECO";
export type RoleNumber = 1 | 2 | 5 | 6;

export const ROLE_NUMBER: Readonly<Record<UserRole, RoleNumber>> = {
  CU: 1,
  CO: 2,
  AU: 5,
  PRECO: 6,
};
export const ROLE_OF: Readonly<Record<RoleNumber, UserRole>> = {
  1: "CU",
  2: "CO",
  5: "AU",
  6: "PRECO",
};

/** 0: no password opens this user. 1: chained PBKDF2-HMAC-SHA-256. */
export type VerifierAlgorithm = 0 | 1;

export const VERIFIER_BYTES = 32;
export const SALT_BYTES = 16;
const MAX_VERIFIER_CALLS = 64;
/** Production workerd refuses more rounds in one call. */
const MAX_ROUNDS_PER_CALL = 100_000;

export interface UserAttributes {
  readonly role: RoleNumber;
  readonly username: string;
  readonly locked: 0 | 1;
  /** Wrong passwords since the last right one. */
  readonly failures: number;
  readonly verifierAlgorithm: VerifierAlgorithm;
  /** `SALT_BYTES`, or 0 without a verifier. */
  readonly salt: Uint8Array;
  readonly verifierCalls: number;
  readonly roundsPerCall: number;
  readonly createdAtMs: number;
  readonly passwordChangedAtMs: number;
  /** SPKI of the key that signs quorum tokens; empty without one. */
  readonly quorumPublicKey: Uint8Array;
}

export const userCodec: AttributesCodec<UserAttributes> = attributesCodec<UserAttributes>({
  role: choiceField<RoleNumber>(1, [1, 2, 5, 6]),
  username: textField(2, 31),
  locked: choiceField<0 | 1>(3, [0, 1]),
  failures: numberField(4, 0, 0xffff_ffff),
  verifierAlgorithm: choiceField<VerifierAlgorithm>(5, [0, 1]),
  salt: bytesField(6, 0, SALT_BYTES),
  verifierCalls: numberField(7, 0, MAX_VERIFIER_CALLS),
  roundsPerCall: numberField(8, 0, MAX_ROUNDS_PER_CALL),
  createdAtMs: numberField(9, 0, Number.MAX_SAFE_INTEGER),
  passwordChangedAtMs: numberField(10, 0, Number.MAX_SAFE_INTEGER),
  quorumPublicKey: bytesField(11, 0, 1_024),
});

/** Whether the secret part fits the attributes: a verifier where there is an algorithm for it. */
export function hasFittingVerifier(user: UserAttributes, secretBytes: number): boolean {
  if (user.verifierAlgorithm === 0) return secretBytes === 0;
  const isMade = user.verifierCalls > 0 && user.roundsPerCall > 0;
  return secretBytes === VERIFIER_BYTES && user.salt.length === SALT_BYTES && isMade;
}
