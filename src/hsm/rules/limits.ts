/**
 * How much an HSM holds and takes, in one place. Those of the hardware types are CloudHSM's.
 *
 * docs/HSM.md §6 lists them with their reasons. No limit here can be raised by a caller.
 */
export type HsmType = "hsm1.medium" | "hsm2m.medium";

export interface KeyLimits {
  readonly keys: number;
  /** RSA and EC keys, with or without a private half, among `keys`. */
  readonly asymmetricKeys: number;
}

export function isHsmType(name: string): name is HsmType {
  return Object.hasOwn(KEY_LIMITS, name);
}

export const KEY_LIMITS: Readonly<Record<HsmType, KeyLimits>> = {
  "hsm1.medium": { keys: 3_300, asymmetricKeys: 3_300 },
  "hsm2m.medium": { keys: 16_666, asymmetricKeys: 3_333 },
};

export const MAX_USERS = 1_024;
export const MAX_CERTIFICATES = 1_024;
/** Sessions in all; so many of them one user may hold, and so many are kept for COs and PRECO. */
export const MAX_SESSIONS = 1_024;
export const MAX_SESSIONS_PER_USER = 16;
export const SESSIONS_FOR_OFFICERS = 64;

export const MAX_USERNAME_CHARACTERS = 31;
/** The hardware's bounds; the password policy may only narrow them. */
export const MIN_PASSWORD_CHARACTERS = 8;
export const MAX_PASSWORD_CHARACTERS = 32;
/** A user with more wrong passwords in a row than this is locked; the policy may lower it. */
export const MAX_LOCKOUT_THRESHOLD = 20;
export const DEFAULT_LOCKOUT_THRESHOLD = 5;
export const MIN_QUORUM = 2;
export const MAX_QUORUM = 8;

export const MAX_LABEL_BYTES = 128;
export const MAX_KEY_ID_BYTES = 128;
export const MIN_GENERIC_SECRET_BYTES = 1;
export const MAX_GENERIC_SECRET_BYTES = 800;
export const MIN_RSA_MODULUS_BITS = 2_048;
export const MAX_RSA_MODULUS_BITS = 4_096;
export const RSA_MODULUS_STEP_BITS = 256;
/** The public exponents that all platforms take: workerd has no others. */
export const RSA_PUBLIC_EXPONENTS: readonly number[] = [3, 17, 37, 65_537];
/** An RSA-4096 private key in PKCS#8 takes at most 2,375 bytes: its public exponent has three. */
export const MAX_PRIVATE_KEY_BYTES = 4_096;
/** Characters of PEM in which one key comes, with its chain and what tools write around it. */
export const MAX_KEY_PEM_CHARACTERS = 65_536;

/** As in the control plane: one certificate in PEM. */
export const MAX_CERTIFICATE_PEM_CHARACTERS = 20_000;
/** A bundle: all the public roots of a platform fit several times. */
export const MAX_BUNDLE_PEM_CHARACTERS: number = 4 * 1024 * 1024;

/** Keys or users in one bulk import. */
export const MAX_IMPORT_BATCH = 500;
/** Rows of one page of a listing. */
export const MAX_PAGE = 1_000;
/** Bytes that one operation signs, encrypts or digests: what the core takes at once. */
export const MAX_OPERATION_BYTES: number = 1024 * 1024;

export const SESSION_IDLE_MS: number = 15 * 60 * 1_000;
/** A session's end is written anew at most this often. */
export const SESSION_TOUCH_MS = 60_000;
export const SESSION_TOKEN_BYTES = 32;
