/**
 * Every way in which a backup can be unreadable: one tagged union, one class, one sentence each.
 *
 * Spec: FORMAT.md §9. Facts only: ids, names, positions. No key and no plaintext is ever in a fault.
 */

/** The parts of a file that have a magic number and a version of their own. */
export type FilePart = "key_block" | "container" | "envelope";

export type KeyName = "cmk" | "recovery" | "mkbk" | "akbk" | "pbk";

export type BackupFault =
  | { readonly code: "not_ours"; readonly part: FilePart | "file" }
  | {
      readonly code: "newer_version";
      readonly part: FilePart;
      readonly got: number;
      readonly supported: number;
    }
  /** `expectedBytes` is null where the end was reached before the length was known. */
  | {
      readonly code: "truncated";
      readonly part: FilePart | "body";
      readonly expectedBytes: number | null;
      readonly gotBytes: number;
    }
  | { readonly code: "trailing_data"; readonly expectedBytes: number }
  | { readonly code: "envelope_damaged"; readonly why: string }
  | {
      readonly code: "location_mismatch";
      readonly field: string;
      readonly expected: string;
      readonly got: string;
    }
  /** `id` is what the file names; `found`: no such key here, destroyed, or it refuses. */
  | {
      readonly code: "key_mismatch";
      readonly which: KeyName;
      readonly id: string;
      readonly found: "absent" | "destroyed" | "refused";
    }
  | { readonly code: "manufacturer_mismatch"; readonly expected: string; readonly got: string }
  | { readonly code: "key_block_damaged" }
  | { readonly code: "header_damaged" }
  | { readonly code: "header_invalid"; readonly why: string }
  | { readonly code: "mode_mismatch"; readonly expected: string; readonly got: string }
  | {
      readonly code: "wrong_backup";
      readonly field: "backupId" | "clusterId" | "lineageId" | "containerDigest";
      readonly expected: string;
      readonly got: string;
    }
  | { readonly code: "body_damaged"; readonly segment: number }
  | { readonly code: "body_digest_mismatch" }
  | { readonly code: "chunk_damaged"; readonly index: number }
  | { readonly code: "chunk_out_of_order"; readonly index: number; readonly got: number }
  /** `index` counts records from 0. */
  | { readonly code: "record_invalid"; readonly index: number; readonly why: string }
  | { readonly code: "manifest_mismatch"; readonly why: string }
  | { readonly code: "trailer_damaged" }
  | { readonly code: "verification_failed"; readonly why: string };

export type BackupFaultCode = BackupFault["code"];

/** The bytes are bad, or not for us. Our own mistakes are TypeError and RangeError. */
export class BackupError extends Error {
  readonly fault: BackupFault;

  constructor(fault: BackupFault) {
    super(describeFault(fault));
    this.name = "BackupError";
    this.fault = fault;
  }
}

type Descriptions = {
  readonly [Code in BackupFaultCode]: (
    fault: Extract<BackupFault, { readonly code: Code }>,
  ) => string;
};

const OTHER_COPY = "Take another copy of this backup, or another backup of the same cluster.";

const PART_NAMES: Readonly<Record<FilePart | "body" | "file", string>> = {
  key_block: "key block",
  container: "container",
  envelope: "envelope",
  body: "body",
  file: "file",
};

const DESCRIPTIONS: Descriptions = {
  not_ours: ({ part }) =>
    `This is not a Holdfast backup: its ${PART_NAMES[part]} does not begin as one does. Choose a file ` +
    "that ends in .hbk, and copy it in binary mode: a transfer as text destroys it.",
  newer_version: ({ part, got, supported }) =>
    `The ${PART_NAMES[part]} has format version ${got}; this program reads up to ${supported}. The ` +
    "backup is not damaged: open it with a newer release of Holdfast.",
  truncated: ({ part, expectedBytes, gotBytes }) =>
    `The file ends in its ${PART_NAMES[part]}, after ${gotBytes} bytes` +
    `${expectedBytes === null ? "" : ` of ${expectedBytes}`}: the copy is incomplete. Copy or ` +
    "download it again.",
  trailing_data: ({ expectedBytes }) =>
    `There are bytes after the end of the backup, which is ${expectedBytes} bytes long: something was ` +
    "added to the file. Copy or download it again.",
  envelope_damaged: ({ why }) =>
    `The envelope of this backup is damaged (${why}). If the store has an earlier envelope for the ` +
    `same body, use that one. ${OTHER_COPY}`,
  location_mismatch: ({ field, expected, got }) =>
    `This copy belongs to another place: its ${field} is "${got}", and "${expected}" was expected. It ` +
    "was moved by hand. Put it back, or import it, which makes an envelope for the new place.",
  key_mismatch: (fault) => describeKeyMismatch(fault),
  manufacturer_mismatch: ({ expected, got }) =>
    `This backup was made by hardware of "${got}", and these keys belong to "${expected}". It can ` +
    `only be restored onto an HSM of "${got}", or with a recovery kit for it.`,
  key_block_damaged: () =>
    `The keys of this backup are damaged: all ids are right, but they do not unwrap. ${OTHER_COPY}`,
  header_damaged: () =>
    `The header of this backup is damaged, or its key block is that of another backup. ${OTHER_COPY}`,
  header_invalid: ({ why }) =>
    `The header of this backup is genuine but not allowed in this version (${why}). It was written by ` +
    "a release with a mistake or by a newer one: open it with a newer release of Holdfast.",
  mode_mismatch: ({ expected, got }) =>
    `This backup was made in mode ${got}, and the target is in mode ${expected}. Create a cluster in ` +
    `mode ${got} and restore onto that.`,
  wrong_backup: ({ field, expected, got }) =>
    `This is a genuine backup, but not the one that was asked for: its ${field} is ${got}, and ` +
    `${expected} was expected. Someone has put one backup in the place of another; choose the right file.`,
  body_damaged: ({ segment }) =>
    `The backup is damaged in segment ${segment} of its body: the file was changed after it was ` +
    `made. ${OTHER_COPY}`,
  body_digest_mismatch: () =>
    `The body is not the one that this envelope was made for: its digest differs. ${OTHER_COPY}`,
  chunk_damaged: ({ index }) =>
    `The backup is damaged in chunk ${index}: the file was changed after it was made, or holds a part ` +
    `of another backup. ${OTHER_COPY}`,
  chunk_out_of_order: ({ index, got }) =>
    `Chunk ${got} stands where chunk ${index} belongs, or is marked wrongly as the last: parts of the ` +
    `backup were moved, repeated or left out. ${OTHER_COPY}`,
  record_invalid: ({ index, why }) =>
    `The backup is authentic, but record ${index} in it is not one that this program knows (${why}). ` +
    "Open it with a newer release of Holdfast, or take another backup.",
  manifest_mismatch: ({ why }) =>
    `The backup is authentic, but its manifest does not agree with its records (${why}). It was ` +
    "written by a faulty program: take another backup.",
  trailer_damaged: () =>
    `The last 32 bytes of the container do not authenticate it: the end of the file was changed. ${OTHER_COPY}`,
  verification_failed: ({ why }) =>
    `The backup just made did not read back as it was written (${why}), so it was not kept. Make ` +
    "another one; if that fails too, the machine or its storage is faulty.",
};

/** What happened and what to do about it, in full sentences. */
export function describeFault(fault: BackupFault): string {
  // One lookup instead of a switch: `Descriptions` does not compile without a text for every code.
  const describe: (fault: never) => string = DESCRIPTIONS[fault.code];
  return describe(fault as never);
}

type KeyMismatch = Extract<BackupFault, { readonly code: "key_mismatch" }>;

function describeKeyMismatch({ which, id, found }: KeyMismatch): string {
  switch (which) {
    case "cmk":
      return found === "refused"
        ? `KMS key ${id} refuses the data key of this backup: it is another key of that name, or the ` +
            "envelope's location or data key was changed. Check the KMS key, then the envelope; the recovery kit still opens the file."
        : `This backup is sealed under KMS key ${id}, which is ${found} here. Use a deployment that ` +
            "has this KMS key, restore the key, or open the file with the recovery kit.";
    case "recovery":
      return found === "refused"
        ? `Recovery key ${id} refuses the data key of this backup: the envelope was changed, or the kit's private key is not the one of that id. Try another copy of the backup or of the kit.`
        : `This backup was not sealed for the recovery key of this kit (${id}). Take the kit that was ` +
            "in force when the backup was made, or open it where its KMS key is.";
    case "mkbk":
      return (
        `Manufacturer key ${id} (MKBK), under which this backup was made, is ${found} here. Take ` +
        "an HSM or a recovery kit that holds this version of the manufacturer's key."
      );
    case "akbk":
      return (
        `Operator key ${id} (AKBK), under which this backup was made, is ${found} here. It was ` +
        "made by another operator's fleet or under another version: take that operator's key or kit."
      );
    case "pbk":
      return (
        "The ids of the manufacturer's and the operator's key are right, but one of the two keys " +
        "is not the one the backup was made with. Check both against their originals: one was mistyped or replaced."
      );
  }
}
