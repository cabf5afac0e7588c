/**
 * Outcomes that cross a Durable Object's border, as plain data: errors lose their class there.
 */
import type { Refusal } from "../../cluster/refusal.ts";

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal };

export function success<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function refuseWith(refusal: Refusal): Result<never> {
  return { ok: false, refusal };
}

export function refusal(kind: Refusal["kind"], code: string, message: string): Result<never> {
  return refuseWith({ kind, code, message });
}

/**
 * A refusal of the edge itself, thrown where a `Result` would have to be passed up many calls.
 *
 * Spec: API.md, "Errors". It is caught once, where the answer is made (fault-response.ts).
 */
export class Refused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.name = "Refused";
    this.refusal = refusal;
  }
}

/** The value of a result, or its refusal thrown. */
export function granted<T>(result: Result<T>): T {
  if (!result.ok) throw new Refused(result.refusal);
  return result.value;
}
