/**
 * Every way in which a recovery kit can be unreadable, with a sentence that says what to do.
 *
 * Spec: KIT.md §4. A fault names the place in the document and never repeats what stands there.
 */

export type KitFault =
  | { readonly code: "kit_too_large"; readonly maxBytes: number }
  | { readonly code: "kit_not_json" }
  | { readonly code: "kit_not_ours" }
  /** `got` is null where it is the list of critical members that says so. */
  | { readonly code: "kit_newer_version"; readonly got: number | null; readonly supported: number }
  | {
      readonly code: "kit_member_missing" | "kit_member_invalid" | "kit_base64" | "kit_key_length";
      readonly path: string;
      readonly expected: string;
    };

/** What a text should have been. */
export type KitDocument = "recovery kit" | "challenge";

export class KitError extends Error {
  readonly fault: KitFault;
  readonly document: KitDocument;

  constructor(fault: KitFault, document: KitDocument = "recovery kit") {
    super(describeKitFault(fault, document));
    this.name = "KitError";
    this.fault = fault;
    this.document = document;
  }
}

/** What is wrong with the document and what to do about it. */
export function describeKitFault(fault: KitFault, document: KitDocument = "recovery kit"): string {
  switch (fault.code) {
    case "kit_too_large":
      return (
        `This file is larger than ${fault.maxBytes} bytes, so it is no ${document}. Choose ` +
        "the file itself, not the backup."
      );
    case "kit_not_json":
      return (
        `This file is not JSON, so it is no ${document}, or it was cut or edited. Take ` +
        "another copy of it."
      );
    case "kit_not_ours":
      return (
        `This is JSON, but no ${document} of Holdfast: its member "format" does not say so. ` +
        "Choose another file."
      );
    case "kit_newer_version":
      return fault.got === null
        ? `This ${document} needs a newer release of Holdfast: it has members that a reader must ` +
            "know, and this program does not. Open it with a newer release."
        : `This ${document} has version ${fault.got}; this program reads up to ` +
            `${fault.supported}. Open it with a newer release of Holdfast.`;
    case "kit_member_missing":
      return `The ${document} is incomplete: ${fault.path} is missing. Take another copy of it.`;
    case "kit_member_invalid":
      return (
        `The ${document} is wrong at ${fault.path}: expected ${fault.expected}. Take ` +
        "another copy, or correct what was edited."
      );
    case "kit_base64":
      return (
        `The ${document} is wrong at ${fault.path}: this is not the text of such a key. A character was ` +
        "lost or changed; take another copy."
      );
    case "kit_key_length":
      return (
        `The ${document} is wrong at ${fault.path}: the key has not the right length, ` +
        `${fault.expected}. It was cut or belongs elsewhere; take another copy.`
      );
  }
}
