/**
 * Refusals as the AWS JSON 1.1 protocol shows them: `__type`, `Message`, a status.
 *
 * Spec: the CloudHSM V2 model declares seven exceptions; those of signatures
 * are common to all services. Client errors are 400, as the model has no other;
 * only the service's own failure is 500.
 */
import type { Refusal } from "../../cluster/refusal.ts";

export interface AwsError {
  readonly type: string;
  readonly message: string;
  readonly status: 400 | 413 | 500;
}

/** Refusals whose exception does not follow from their kind. */
const BY_CODE: Readonly<Record<string, string>> = {
  authentication_missing: "MissingAuthenticationTokenException",
  signature_incomplete: "IncompleteSignatureException",
  signature_mismatch: "InvalidSignatureException",
  signature_expired: "InvalidSignatureException",
  scope_invalid: "InvalidSignatureException",
  access_key_unknown: "UnrecognizedClientException",
  security_token_unknown: "UnrecognizedClientException",
  body_hash_missing: "IncompleteSignatureException",
  body_malformed: "SerializationException",
  body_too_large: "RequestEntityTooLargeException",
  tag_repeated: "CloudHsmTagException",
  tag_reserved: "CloudHsmTagException",
};

const BY_KIND: Readonly<Record<Refusal["kind"], string>> = {
  invalid: "CloudHsmInvalidRequestException",
  not_found: "CloudHsmResourceNotFoundException",
  denied: "CloudHsmAccessDeniedException",
  limit: "CloudHsmResourceLimitExceededException",
  conflict: "CloudHsmInvalidRequestException",
  busy: "ThrottlingException",
  unavailable: "CloudHsmInternalFailureException",
};

export function awsError(refusal: Refusal): AwsError {
  const type = BY_CODE[refusal.code] ?? BY_KIND[refusal.kind];
  return { type, message: refusal.message, status: statusOf(refusal) };
}

function statusOf({ kind, code }: Refusal): AwsError["status"] {
  if (code === "body_too_large") return 413;
  return kind === "unavailable" ? 500 : 400;
}

/** Clients repeat a request that failed like this. Nothing of the cause is told. */
export const INTERNAL_FAILURE: AwsError = {
  type: "CloudHsmInternalFailureException",
  message: "The request failed because of an internal error. Try again.",
  status: 500,
};

export function errorBody(error: AwsError): string {
  return JSON.stringify({ __type: error.type, Message: error.message });
}
