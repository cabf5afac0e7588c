/**
 * What was thrown, as a refusal that a person can act on: a title of ours, the engine's own
 * sentence.
 *
 * FORMAT.md §9; docs/HSM.md §7. A fault of the engine keeps its code. Anything else is a defect:
 * the page says so and shows nothing of it, because an unknown text may quote what it was about.
 */
import { BackupError, type BackupFault } from "../../backup/format/errors.ts";
import type { KeyName } from "../../backup/format/key-faults.ts";
import { KitError } from "../../backup/kit/errors.ts";
import { ChallengeError } from "../../backup/seal/recovery-challenge.ts";
import { type FaultFamily, faultFamily, HsmError } from "../../hsm/rules/errors.ts";
import { shownText } from "../../hsm/rules/plain-text.ts";
import type { ShownRefusal } from "./shown.ts";

const DAMAGED = "The backup is damaged";
const FOREIGN = "This is not a Holdfast backup";

const KEY_TITLE: Readonly<Record<KeyName, string>> = {
  cmk: "The KMS key does not open this backup",
  recovery: "The recovery key is another one",
  mkbk: "The manufacturer key (MKBK) is missing",
  akbk: "The operator key (AKBK) is missing",
  pbk: "One of the two key backup keys is wrong",
};

type PlainCode = Exclude<BackupFault["code"], "key_mismatch">;

const TITLE: Readonly<Record<PlainCode, string>> = {
  not_ours: FOREIGN,
  newer_version: "The backup was made by a newer version",
  truncated: "The backup is incomplete",
  trailing_data: "Something was added to the backup",
  seal_missing: "The seal of this backup is missing",
  envelope_damaged: DAMAGED,
  recipients_unknown: "This program knows none of its keys",
  envelope_replaced: "This is another envelope of the backup",
  location_mismatch: "This copy belongs to another place",
  manufacturer_mismatch: "The manufacturer is another one",
  key_block_damaged: DAMAGED,
  header_damaged: DAMAGED,
  header_invalid: "The header is not one this version knows",
  mode_mismatch: "The mode is another one",
  chain_mismatch: "The kit knows another backup of this number",
  wrong_backup: "This is another backup than before",
  body_damaged: DAMAGED,
  body_digest_mismatch: DAMAGED,
  container_digest_mismatch: DAMAGED,
  chunk_damaged: DAMAGED,
  chunk_out_of_order: DAMAGED,
  record_invalid: "A record is not one this version knows",
  manifest_mismatch: "The backup contradicts itself",
  trailer_damaged: DAMAGED,
  key_inactive: "No key may make a backup now",
  verification_failed: "The backup did not read back",
};

const FAMILY_TITLE: Readonly<Record<FaultFamily, string>> = {
  authentication: "Not logged in",
  permission: "The HSM refuses this",
  absent: "There is no such thing",
  conflict: "This cannot be done now",
  limit: "This is beyond a limit",
  invalid: "The HSM cannot take this",
};

function backupRefusal(error: BackupError): ShownRefusal {
  const { fault } = error;
  if (fault.code !== "key_mismatch") {
    return { code: fault.code, title: TITLE[fault.code], message: error.message };
  }
  const code = `${fault.code}_${fault.which}`;
  return { code, title: KEY_TITLE[fault.which], message: error.message };
}

/** A refusal of the page itself, made where the facts are. */
export class RefusalError extends Error {
  readonly refusal: ShownRefusal;

  constructor(refusal: ShownRefusal) {
    super(refusal.message);
    this.name = "RefusalError";
    this.refusal = refusal;
  }
}

/** Never throws; `error` is whatever was. What it quotes of a file looks like what it is. */
export function refusalOf(error: unknown): ShownRefusal {
  const refusal = rawRefusal(error);
  return { ...refusal, message: shownText(refusal.message) };
}

function rawRefusal(error: unknown): ShownRefusal {
  if (error instanceof RefusalError) return error.refusal;
  if (error instanceof BackupError) return backupRefusal(error);
  if (error instanceof KitError) {
    return {
      code: error.fault.code,
      title: `This is not a usable ${error.document}`,
      message: error.message,
    };
  }
  if (error instanceof ChallengeError) {
    return {
      code: error.code,
      title: "This kit does not answer the challenge",
      message: error.message,
    };
  }
  if (error instanceof HsmError) {
    const title = FAMILY_TITLE[faultFamily(error.fault)];
    return { code: error.fault.code, title, message: error.message };
  }
  if (error instanceof DOMException && error.name === "NotReadableError") {
    return {
      code: "file_unreadable",
      title: "The file cannot be read",
      message:
        "It was changed, moved or removed after it was chosen, or this machine forbids it." +
        " Choose it again.",
    };
  }
  return {
    code: "defect",
    title: "The tool itself failed",
    message:
      "Something happened that should not. Nothing was changed. Reload the page and try again; " +
      "if it stays so, use another release of the tool and report it.",
  };
}
