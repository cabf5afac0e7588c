/**
 * Refusals as the AWS JSON 1.1 protocol shows them: `__type`, `Message`, a status.
 *
 * Spec: the CloudHSM V2 model declares seven exceptions; those of signatures are common to all
 * services. Client errors are 400, as the model has no other; only the service's own fault is 500.
 */
import type { Fault } from "../contracts/result.ts";

export interface AwsError {
  readonly type: string;
  readonly message: string;
  readonly status: 400 | 413 | 500;
}

/** Faults whose exception does not follow from their kind. */
const BY_CODE: Readonly<Record<string, string>> = {
  authentication_missing: "MissingAuthenticationTokenException",
  signature_incomplete: "IncompleteSignatureException",
  signature_mismatch: "InvalidSignatureException",
  signature_expired: "InvalidSignatureException",
  scope_invalid: "InvalidSignatureException",
  access_key_unknown: "UnrecognizedClientException",
  tag_repeated: "CloudHsmTagException",
  tag_reserved: "CloudHsmTagException",
};

const BY_KIND: Readonly<Record<Fault["kind"], string>> = {
  invalid: "CloudHsmInvalidRequestException",
  not_found: "CloudHsmResourceNotFoundException",
  denied: "CloudHsmAccessDeniedException",
  limit: "CloudHsmResourceLimitExceededException",
  conflict: "CloudHsmInvalidRequestException",
  unavailable: "CloudHsmInternalFailureException",
};

export function awsError(fault: Fault): AwsError {
  const type = BY_CODE[fault.code] ?? BY_KIND[fault.kind];
  return { type, message: fault.message, status: fault.kind === "unavailable" ? 500 : 400 };
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
