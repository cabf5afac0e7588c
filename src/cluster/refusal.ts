/**
 * Why a request is refused: a code for programs, a sentence for people, a kind for the wire.
 *
 * Spec: docs/AWS.md, "Errors"; docs/API.md, "Errors". Never a secret. Rules return a `Refusal` or
 * null. The edge turns it into an AWS exception or a REST answer.
 */
export interface Refusal {
  /** `busy`: whoever asks, or somebody like them, asks too much at once. */
  readonly kind: "invalid" | "not_found" | "denied" | "limit" | "conflict" | "busy" | "unavailable";
  readonly code: string;
  readonly message: string;
  /** When to ask again, in seconds; only with `busy`. */
  readonly retryAfterS?: number;
}

export function invalid(code: string, message: string): Refusal {
  return { kind: "invalid", code, message };
}
