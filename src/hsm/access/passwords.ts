/**
 * Password verifiers: chained PBKDF2-HMAC-SHA-256 through WebCrypto, and the password rules.
 *
 * SP 800-132, RFC 8018 §5.2; docs/HSM.md §2.3. Passwords come as text, which cannot be wiped; what
 * is derived from them is held as `SecretKey`.
 */
import { SecretKey } from "../../crypto/secret-key.ts";
import type { RandomBytes, Subtle } from "../../crypto/web-crypto.ts";
import type { PolicyAttributes } from "../memory/policy-record.ts";
import { SALT_BYTES, VERIFIER_BYTES } from "../memory/user-record.ts";
import { HsmError } from "../rules/errors.ts";
import { isPlainText } from "../rules/plain-text.ts";
import { atOnce, type Turn } from "./turns.ts";

/** How much work one guess takes: `calls` times `roundsPerCall` iterations of HMAC-SHA-256. */
export interface PasswordCost {
  /** 1 to 64. */
  readonly calls: number;
  /** 1 to 100,000: production workerd refuses more in one call. */
  readonly roundsPerCall: number;
}

/** 600,000 iterations in all. */
export const DEFAULT_PASSWORD_COST: PasswordCost = { calls: 6, roundsPerCall: 100_000 };

/** A verifier and how it was made. Dispose of `digest`. */
export interface PasswordVerifier {
  readonly salt: Uint8Array;
  readonly cost: PasswordCost;
  /** 32 bytes. */
  readonly digest: SecretKey;
}

/** What new verifiers are made of. */
interface VerifierSource {
  readonly subtle: Subtle;
  readonly random: RandomBytes;
  readonly passwordCost: PasswordCost;
}

export function isSameCost(one: PasswordCost, other: PasswordCost): boolean {
  return one.calls === other.calls && one.roundsPerCall === other.roundsPerCall;
}

/** A verifier for a new password, under a fresh salt. */
export async function generateVerifier(
  { subtle, random, passwordCost: cost }: VerifierSource,
  password: string,
  turn: Turn,
): Promise<PasswordVerifier> {
  const salt = random(SALT_BYTES);
  return { salt, cost, digest: await deriveVerifier(subtle, password, salt, cost, turn) };
}

/**
 * The chain: call i derives 32 bytes from what call i − 1 gave (the password, for the first), with
 * the salt `salt ‖ u32 i`. Each call ends in a fresh PBKDF2, so the work adds up.
 *
 * @param salt - `SALT_BYTES`. @returns 32 bytes, disposed of by the caller.
 */
export async function deriveVerifier(
  subtle: Subtle,
  password: string,
  salt: Uint8Array,
  cost: PasswordCost,
  turn: Turn = atOnce,
): Promise<SecretKey> {
  let held = encodePassword(password);
  for (let index = 0; index < cost.calls; index++) {
    try {
      const base = await subtle.importKey("raw", held, { name: "PBKDF2" }, false, ["deriveBits"]);
      const algorithm = {
        name: "PBKDF2",
        hash: "SHA-256",
        salt: saltOfCall(salt, index),
        iterations: cost.roundsPerCall,
      };
      const derived = await turn(() => subtle.deriveBits(algorithm, base, 8 * VERIFIER_BYTES));
      held.fill(0);
      held = new Uint8Array(derived);
    } catch (error) {
      held.fill(0);
      throw error;
    }
  }
  return new SecretKey(held);
}

/**
 * UTF-8, where no other text gives the same key: lone surrogates would all become one replacement
 * character, and HMAC fills keys up with zeros, so a NUL at the end would be none. Behind FF, which
 * no UTF-8 has, such a password is nobody's, and takes all the work of one.
 */
function encodePassword(password: string): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(password.normalize("NFC"));
  if (password.isWellFormed() && text.at(-1) !== 0) return text;
  const bytes = new Uint8Array(1 + text.length);
  bytes[0] = 0xff;
  bytes.set(text, 1);
  text.fill(0);
  return bytes;
}

function saltOfCall(salt: Uint8Array, index: number): Uint8Array {
  const bytes = new Uint8Array(salt.length + 4);
  bytes.set(salt);
  new DataView(bytes.buffer).setUint32(salt.length, index);
  return bytes;
}

/**
 * Of new passwords. Characters are Unicode code points, after normalisation (NFC). @throws HsmError
 * `password_invalid`.
 */
export function verifyPasswordRules(password: string, policy: PolicyAttributes): void {
  const { minPasswordCharacters: min, maxPasswordCharacters: max } = policy;
  const characters = [...password.normalize("NFC")].length;
  if (characters < min || characters > max || !isPlainText(password)) {
    throw new HsmError({ code: "password_invalid", min, max });
  }
}
