/**
 * How key material is refused: it cannot be read, or it is of a kind that is not held.
 *
 * docs/HSM.md §3.1, §7. Material is never quoted.
 */
import { DerError } from "../../crypto/der.ts";
import { HsmError } from "../rules/errors.ts";

/** What to throw for key material that is not what its format says. */
export function unreadable(format: string, why: string): HsmError {
  return new HsmError({ code: "key_unreadable", format, why });
}

/** What `read` reads as `format`. @throws HsmError `key_unreadable` for what is not such DER. */
export function readAs<T>(format: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof DerError ? unreadable(format, error.why) : error;
  }
}
