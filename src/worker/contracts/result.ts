/**
 * Outcomes that cross a Durable Object's border: errors lose their class there, plain data does not.
 */

/** Why a request was refused: a code for programs and a sentence for people. Never a secret. */
export interface Fault {
  readonly code: string;
  readonly message: string;
  /** Which AWS exception the wire answers with; the REST surface maps `code`. */
  readonly kind: "invalid" | "not_found" | "denied" | "limit" | "conflict" | "unavailable";
}

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault };

export function success<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function refusal(kind: Fault["kind"], code: string, message: string): Result<never> {
  return { ok: false, fault: { kind, code, message } };
}

/**
 * A refusal of the edge itself, thrown where a `Result` would have to be passed up many calls.
 *
 * Spec: API.md, "Errors". It is caught once, where the answer is made (fault-response.ts).
 */
export class Refused extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.name = "Refused";
    this.fault = fault;
  }
}

/** The value of a result, or its refusal thrown. */
export function granted<T>(result: Result<T>): T {
  if (!result.ok) throw new Refused(result.fault);
  return result.value;
}
