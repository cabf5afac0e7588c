/**
 * How a request is refused whose signer is not known.
 */
import { type Result, refusal } from "../contracts/result.ts";

/** Codes by which a client knows that it is not known. */
export const SIGNATURE_CODES: ReadonlySet<string> = new Set([
  "authentication_missing",
  "signature_incomplete",
  "signature_mismatch",
  "signature_expired",
  "scope_invalid",
  "access_key_unknown",
  "security_token_unknown",
  "body_hash_missing",
]);

export function denied(code: string, message: string): Result<never> {
  return refusal("denied", code, message);
}
