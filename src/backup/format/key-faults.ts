/**
 * The faults of keys: one that does not open a backup, none that may make one; and what to do then.
 *
 * Spec: FORMAT.md §9. Names of keys only, never a key.
 */

export type KeyName = "cmk" | "recovery" | "mkbk" | "akbk" | "pbk";

export interface KeyMismatch {
  readonly code: "key_mismatch";
  readonly which: KeyName;
  /** What the file names. */
  readonly id: string;
  /** No such key here, destroyed, or it is there and refuses. */
  readonly found: "absent" | "destroyed" | "refused";
}

/** Of these keys none is active: the others open backups, and nothing new is put under them. */
export interface KeyInactive {
  readonly code: "key_inactive";
  readonly which: "cmk" | "mkbk" | "akbk";
}

/** Where the keys of a kind come from; the words of docs/DEPLOY.md. */
const SOURCE: Readonly<Record<KeyInactive["which"], readonly [name: string, variable: string]>> = {
  cmk: ["KMS key (CMK)", "LOCAL_KMS"],
  mkbk: ["manufacturer key (MKBK)", "MANUFACTURER"],
  akbk: ["operator key (AKBK)", "OPERATOR"],
};

export function describeKeyInactive({ which }: KeyInactive): string {
  const [name, variable] = SOURCE[which];
  return (
    `There is no active ${name}: a retired one opens backups and makes none. Add an active ` +
    `version to ${variable}.`
  );
}

/** `found` is "refused" where the key is there under its id; the other words read as they stand. */
export function describeKeyMismatch({ which, id, found }: KeyMismatch): string {
  switch (which) {
    case "cmk":
      return describeCmk(id, found);
    case "recovery":
      return found === "refused"
        ? `Recovery key ${id} refuses the data key of this backup: the envelope was changed, or ` +
            "the key is not that of its id, or no RSA key of 3,072 bits with exponent 65,537. Try " +
            "another copy of the backup or of the kit."
        : `This backup was sealed for recovery key ${id}, which is ${found} here. Take the kit ` +
            "that was in force when the backup was made, or open it where its KMS key is.";
    case "mkbk":
      return (
        `Manufacturer key ${id} (MKBK), under which this backup was made, is ${found} here. Take ` +
        "an HSM or a recovery kit that holds this version of the manufacturer's key."
      );
    case "akbk":
      return (
        `Operator key ${id} (AKBK), under which this backup was made, is ${found} here. It was ` +
        "made by another operator's fleet or under another version: take that operator's key or " +
        "kit."
      );
    case "pbk":
      return (
        "The ids of the manufacturer's and the operator's key are right, but one of the two keys " +
        "is not the one the backup was made with: it was mistyped or replaced. Take both keys " +
        "from their originals again."
      );
  }
}

function describeCmk(id: string, found: KeyMismatch["found"]): string {
  return found === "refused"
    ? `KMS key ${id} refuses the data key of this backup: it is another key of that name, or the ` +
        "envelope's location or data key was changed. Check the KMS key, then take another copy " +
        "of the envelope; the recovery kit may still open the file."
    : `This backup is sealed under KMS key ${id}, which is ${found} here. Use a deployment that ` +
        "has this KMS key, restore the key, or, if it was sealed for a recovery key too, open the " +
        "file with its recovery kit.";
}
