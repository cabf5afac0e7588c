/**
 * Faults about keys, certificates and records, and their sentences.
 *
 * docs/HSM.md §7. An exhaustive switch: a new fault does not compile until it has its sentence.
 */

/** Keys, certificates and records. */
export type ObjectFault =
  | { readonly code: "key_not_found"; readonly handle: number }
  | { readonly code: "key_limit"; readonly limit: number }
  | { readonly code: "asymmetric_key_limit"; readonly limit: number }
  | { readonly code: "key_unsupported"; readonly what: string; readonly supported: string }
  | { readonly code: "key_unreadable"; readonly format: string; readonly why: string }
  | { readonly code: "key_not_owned"; readonly handle: number }
  | { readonly code: "key_not_extractable"; readonly handle: number; readonly why: string }
  | { readonly code: "key_not_destroyable"; readonly handle: number }
  | { readonly code: "key_usage"; readonly handle: number; readonly attribute: string }
  | { readonly code: "attribute_refused"; readonly attribute: string; readonly why: string }
  | { readonly code: "share_refused"; readonly username: string; readonly why: string }
  | { readonly code: "mechanism_unsupported"; readonly mechanism: string; readonly why: string }
  | { readonly code: "data_length"; readonly what: string; readonly max: number }
  | { readonly code: "parameter_invalid"; readonly parameter: string; readonly why: string }
  | { readonly code: "decryption_failed" }
  | { readonly code: "unwrap_failed"; readonly mechanism: string }
  | { readonly code: "batch_limit"; readonly max: number; readonly got: number }
  | { readonly code: "certificate_unreadable"; readonly index: number; readonly why: string }
  | { readonly code: "certificate_not_found"; readonly id: number }
  | { readonly code: "certificate_limit"; readonly limit: number }
  | { readonly code: "record_invalid"; readonly type: number; readonly why: string };

type KeyFault = Extract<ObjectFault, { code: `key_${string}` | "asymmetric_key_limit" }>;
type OtherFault = Exclude<ObjectFault, KeyFault>;

export function describeObjectFault(fault: ObjectFault): string {
  return isKeyFault(fault) ? describeKeyFault(fault) : describeOtherFault(fault);
}

function isKeyFault(fault: ObjectFault): fault is KeyFault {
  return fault.code.startsWith("key_") || fault.code === "asymmetric_key_limit";
}

function describeKeyFault(fault: KeyFault): string {
  switch (fault.code) {
    case "key_not_found":
      return (
        `There is no key ${fault.handle} that this user may see. List the keys to see their ` +
        "handles."
      );
    case "key_limit":
      return `The HSM holds ${fault.limit} keys, the limit of its type. Delete a key first.`;
    case "asymmetric_key_limit":
      return (
        `The HSM holds ${fault.limit} RSA and EC keys, the limit of its type. Delete one ` +
        "first."
      );
    case "key_unsupported":
      return `${fault.what} is not supported. Supported: ${fault.supported}.`;
    case "key_unreadable":
      return (
        `The key cannot be read as ${fault.format}: ${fault.why}. Check the file and its ` +
        "format."
      );
    case "key_not_owned":
      return `Key ${fault.handle} belongs to another user. Only its owner may do this.`;
    case "key_not_extractable":
      return `Key ${fault.handle} does not leave the HSM: ${fault.why}.`;
    case "key_not_destroyable":
      return `Key ${fault.handle} has destroyable = false and cannot be deleted.`;
    case "key_usage":
      return (
        `Key ${fault.handle} has ${fault.attribute} = false. Its owner may set the attribute ` +
        "where the key's type allows it."
      );
  }
}

function describeOtherFault(fault: OtherFault): string {
  switch (fault.code) {
    case "attribute_refused":
      return `The attribute "${fault.attribute}" is refused: ${fault.why}.`;
    case "share_refused":
      return `The key cannot be shared with "${fault.username}": ${fault.why}.`;
    case "mechanism_unsupported":
      return `The mechanism "${fault.mechanism}" cannot be used: ${fault.why}.`;
    case "data_length":
      return `The ${fault.what} is too long: at most ${fault.max} bytes.`;
    case "parameter_invalid":
      return `The parameter "${fault.parameter}" is refused: ${fault.why}.`;
    case "decryption_failed":
      return (
        "The data does not decrypt under this key with these parameters. Check the key, the " +
        "IV and the data."
      );
    case "unwrap_failed":
      return (
        `The wrapped key does not open with ${fault.mechanism} under this key. Check the ` +
        "wrapping key and the data."
      );
    case "batch_limit":
      return `At most ${fault.max} items go into one call; this one has ${fault.got}. Split it.`;
    case "certificate_unreadable":
      return (
        `Certificate ${fault.index} cannot be read: ${fault.why}. Give X.509 certificates in ` +
        "PEM."
      );
    case "certificate_not_found":
      return `There is no certificate ${fault.id}. List the certificates to see their numbers.`;
    case "certificate_limit":
      return `The HSM holds ${fault.limit} certificates, its limit. Delete some first.`;
    case "record_invalid":
      return (
        `A record of type ${fault.type} cannot be taken: ${fault.why}. It may come from a ` +
        "newer version."
      );
  }
}
