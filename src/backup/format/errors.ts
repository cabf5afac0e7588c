/**
 * Every way in which a backup can be unreadable: one tagged union, one class, one sentence each.
 *
 * Spec: FORMAT.md §9. A fault holds facts only: ids, names, positions; never a key or plaintext.
 */

import {
  describeKeyInactive,
  describeKeyMismatch,
  type KeyInactive,
  type KeyMismatch,
  type KeyName,
} from "./key-faults.ts";

/** The parts of a file that have a magic number and a version of their own. */
export type FilePart = "key_block" | "container" | "envelope";

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
  | {
      readonly code: "trailing_data";
      readonly part: "envelope" | "container" | "body";
      readonly expectedBytes: number;
    }
  /** A bare file where a sealed one was expected. */
  | { readonly code: "seal_missing" }
  | { readonly code: "envelope_damaged"; readonly why: string }
  /** No recipient is of a kind that this program knows. */
  | { readonly code: "recipients_unknown" }
  | {
      readonly code: "location_mismatch";
      readonly field: string;
      readonly expected: string;
      readonly got: string;
    }
  /** A genuine envelope of this copy, and not the newest that is known; both are numbers. */
  | { readonly code: "envelope_replaced"; readonly expected: number; readonly got: number }
  | KeyMismatch
  | KeyInactive
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
  /** A checkpoint knows another backup under this number of the cluster's chain. */
  | {
      readonly code: "chain_mismatch";
      readonly chainNumber: number;
      readonly expected: string;
      readonly got: string;
    }
  | { readonly code: "body_damaged"; readonly segment: number }
  | { readonly code: "body_digest_mismatch" }
  | { readonly code: "container_digest_mismatch" }
  | { readonly code: "chunk_damaged"; readonly index: number }
  | { readonly code: "chunk_out_of_order"; readonly index: number; readonly got: number }
  /** `index` counts records from 0. */
  | { readonly code: "record_invalid"; readonly index: number; readonly why: string }
  | { readonly code: "manifest_mismatch"; readonly why: string }
  | { readonly code: "trailer_damaged" }
  | { readonly code: "verification_failed"; readonly why: string };

export type BackupFaultCode = BackupFault["code"];

/** The bytes are bad, or not for us, or no key may make them. Our own mistakes are TypeError and RangeError. */
export class BackupError extends Error {
  readonly fault: BackupFault;

  constructor(fault: BackupFault) {
    super(describeFault(fault));
    this.name = "BackupError";
    this.fault = fault;
  }
}

/** What to throw for a key that does not open a backup. @param id - what the file names. */
export function keyMismatch(which: KeyName, id: string, found: KeyMismatch["found"]): BackupError {
  return new BackupError({ code: "key_mismatch", which, id, found });
}

const OTHER_COPY = "Take another copy of this backup, or another backup of the same cluster.";

const PART_NAMES: Readonly<Record<FilePart | "body" | "file", string>> = {
  key_block: "key block",
  container: "container",
  envelope: "envelope",
  body: "body",
  file: "file",
};

/** What happened and what to do about it, in full sentences. */
export function describeFault(fault: BackupFault): string {
  switch (fault.code) {
    case "not_ours":
    case "newer_version":
    case "truncated":
    case "trailing_data":
      return describeFile(fault);
    case "seal_missing":
    case "envelope_damaged":
    case "recipients_unknown":
    case "envelope_replaced":
    case "location_mismatch":
    case "body_damaged":
    case "body_digest_mismatch":
    case "container_digest_mismatch":
      return describeSeal(fault);
    case "key_mismatch":
      return describeKeyMismatch(fault);
    case "key_inactive":
      return describeKeyInactive(fault);
    case "manufacturer_mismatch":
    case "mode_mismatch":
    case "wrong_backup":
    case "chain_mismatch":
      return describeOrigin(fault);
    case "key_block_damaged":
    case "header_damaged":
    case "chunk_damaged":
    case "chunk_out_of_order":
    case "trailer_damaged":
      return describeDamage(fault);
    case "header_invalid":
    case "record_invalid":
    case "manifest_mismatch":
    case "verification_failed":
      return describeWriter(fault);
  }
}

type FaultOf<Code extends BackupFaultCode> = Extract<BackupFault, { readonly code: Code }>;

function describeFile(
  fault: FaultOf<"not_ours" | "newer_version" | "truncated" | "trailing_data">,
): string {
  switch (fault.code) {
    case "not_ours":
      return (
        `This is not a Holdfast backup: its ${PART_NAMES[fault.part]} does not begin as one ` +
        "does. Choose a file that ends in .hbk, and copy it in binary mode: as text it is " +
        "destroyed."
      );
    case "newer_version":
      return (
        `The ${PART_NAMES[fault.part]} has format version ${fault.got}; this program reads up to ` +
        `${fault.supported}. The backup is not damaged: open it with a newer release of Holdfast.`
      );
    case "truncated": {
      const whole = fault.expectedBytes === null ? "" : ` of ${fault.expectedBytes}`;
      return (
        `The file ends in its ${PART_NAMES[fault.part]}, after ${fault.gotBytes} bytes${whole}: ` +
        "the copy is incomplete. Copy or download it again."
      );
    }
    case "trailing_data":
      return (
        `There are bytes after the end of the ${PART_NAMES[fault.part]}, which is ` +
        `${fault.expectedBytes} bytes long: something was added. Copy or download it again.`
      );
  }
}

function describeSeal(
  fault: FaultOf<
    | "seal_missing"
    | "envelope_damaged"
    | "recipients_unknown"
    | "envelope_replaced"
    | "location_mismatch"
    | "body_damaged"
    | "body_digest_mismatch"
    | "container_digest_mismatch"
  >,
): string {
  switch (fault.code) {
    case "seal_missing":
      return (
        "This is a bare backup, and a sealed one was expected: someone who could open the seal " +
        "took it off, or put another file in its place. Take the sealed file from where it is " +
        "kept."
      );
    case "envelope_damaged":
      return (
        `The envelope of this backup is damaged (${fault.why}). If the store has another ` +
        `envelope for the same body, use that one. ${OTHER_COPY}`
      );
    case "recipients_unknown":
      return (
        "This backup is sealed for kinds of keys that this program does not know: a newer " +
        "release of Holdfast made it, or its envelope is damaged. Open it with a newer release; " +
        "if that does not know them either, take another copy."
      );
    case "envelope_replaced":
      return (
        `This is envelope ${fault.got} of this backup, and the one that is known is number ` +
        `${fault.expected}: an older envelope was put back, or another was made for the same ` +
        "body. Put the known one back; if its keys are lost, a recovery kit opens the download."
      );
    case "location_mismatch":
      return (
        `This copy belongs to another place: its ${fault.field} is "${fault.got}", and ` +
        `"${fault.expected}" was expected. It was moved by hand. Put it back, or import it, ` +
        "which makes an envelope for the new place."
      );
    case "body_damaged":
      return (
        `The backup is damaged in segment ${fault.segment} of its body: the file was changed ` +
        `after it was made. ${OTHER_COPY}`
      );
    case "body_digest_mismatch":
      return `The body is not that of this envelope: its digest differs. ${OTHER_COPY}`;
    case "container_digest_mismatch":
      return (
        "The seal holds another backup than its envelope names: who sealed it erred, or had its " +
        `data key and forged it. ${OTHER_COPY}`
      );
  }
}

function describeOrigin(
  fault: FaultOf<"manufacturer_mismatch" | "mode_mismatch" | "wrong_backup" | "chain_mismatch">,
): string {
  const { expected, got } = fault;
  switch (fault.code) {
    case "manufacturer_mismatch":
      return (
        `This backup was made by hardware of "${got}", and these keys belong to "${expected}". ` +
        `It can only be restored onto an HSM of "${got}", or with a recovery kit for it.`
      );
    case "mode_mismatch":
      return (
        `This backup was made in mode ${got}, and the target is in mode ${expected}. Create a ` +
        `cluster in mode ${got} and restore onto that.`
      );
    case "wrong_backup":
      return (
        `This is a genuine backup, but not the one that was asked for: its ${fault.field} is ` +
        `${got}, and ${expected} was expected. One backup was put in the place of another: ` +
        "choose the right file."
      );
    case "chain_mismatch":
      return (
        `The recovery kit knows another backup ${fault.chainNumber} of this cluster: its container ` +
        `digest is ${got}, and ${expected} was expected. The cluster's chain has split, or somebody ` +
        "with its keys made this file. Choose the backup that the kit knows."
      );
  }
}

function describeDamage(
  fault: FaultOf<
    | "key_block_damaged"
    | "header_damaged"
    | "chunk_damaged"
    | "chunk_out_of_order"
    | "trailer_damaged"
  >,
): string {
  switch (fault.code) {
    case "key_block_damaged":
      return (
        "The keys of this backup are damaged: their ids are right, but they do not unwrap. " +
        `${OTHER_COPY}`
      );
    case "header_damaged":
      return (
        "The header of this backup is damaged, or its key block is another backup's. " +
        `${OTHER_COPY}`
      );
    case "chunk_damaged":
      return (
        `The backup is damaged in chunk ${fault.index}: the file was changed after it was made, ` +
        `or holds a part of another backup. ${OTHER_COPY}`
      );
    case "chunk_out_of_order":
      return (
        `Chunk ${fault.got} stands where chunk ${fault.index} belongs, or is wrongly marked as ` +
        `the last: parts of the backup were moved, repeated or left out. ${OTHER_COPY}`
      );
    case "trailer_damaged":
      return `The end of this backup does not authenticate it: the file was changed. ${OTHER_COPY}`;
  }
}

function describeWriter(
  fault: FaultOf<"header_invalid" | "record_invalid" | "manifest_mismatch" | "verification_failed">,
): string {
  const { why } = fault;
  switch (fault.code) {
    case "header_invalid":
      return (
        `The header of this backup is genuine but not allowed in this version (${why}): a newer ` +
        "release, or a faulty one, wrote it. Open it with a newer release of Holdfast."
      );
    case "record_invalid":
      return (
        `The backup is authentic, but its record ${fault.index} is not one that this program ` +
        `knows (${why}). Open it with a newer release of Holdfast, or take another backup.`
      );
    case "manifest_mismatch":
      return (
        `The backup is authentic, but its manifest does not agree with its records (${why}): a ` +
        "faulty program wrote it. Take another backup."
      );
    case "verification_failed":
      return (
        `The backup just made did not read back as it was written (${why}), so it was not kept. ` +
        "Make another one; if that fails too, the machine or its storage is faulty."
      );
  }
}
