/**
 * A refusal of the edge itself, thrown where a `Result` would have to be passed up many calls.
 *
 * Spec: API.md, "Errors". It is caught once, where the answer is made (fault-response.ts).
 */
import type { Fault, Result } from "./result.ts";

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
