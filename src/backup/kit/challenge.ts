/**
 * A challenge for a recovery key as a document: what a deployment gives, and a kit's holder opens.
 *
 * Spec: KIT.md §5. Public, and untrusted where it is read.
 */
import { encodeHex } from "../../crypto/base-encodings.ts";
import {
  CHALLENGE_FORMAT,
  CHALLENGE_ID_BYTES,
  KEY_ID_BYTES,
  MAX_WRAPPED_DATA_KEY_BYTES,
} from "../format/layout.ts";
import type { RecoveryChallenge } from "../seal/recovery-challenge.ts";
import { KitError, type KitFault } from "./errors.ts";
import { Member } from "./member.ts";

export const MAX_CHALLENGE_BYTES = 16_384;
const KINDS = ["hybrid", "rsa"] as const;

/** Whether `text` says of itself that it is a challenge. */
export function isChallenge(text: string): boolean {
  return text.includes(`"${CHALLENGE_FORMAT}"`);
}

/** @throws KitError saying what is wrong and where. */
export function parseChallenge(text: string): RecoveryChallenge {
  if (new TextEncoder().encode(text).length > MAX_CHALLENGE_BYTES) {
    throw refused({ code: "kit_too_large", maxBytes: MAX_CHALLENGE_BYTES });
  }
  const document = new Member(parseJson(text), "", "challenge");
  if (document.optional("format")?.value !== CHALLENGE_FORMAT)
    throw refused({ code: "kit_not_ours" });
  return {
    kind: document.member("kind").oneOf(KINDS),
    keyId: encodeHex(document.member("keyId").hex(KEY_ID_BYTES)),
    challengeId: encodeHex(document.member("challengeId").hex(CHALLENGE_ID_BYTES)),
    wrapped: document.member("wrapped").base64(1, MAX_WRAPPED_DATA_KEY_BYTES),
  };
}

function refused(fault: KitFault): KitError {
  return new KitError(fault, "challenge");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refused({ code: "kit_not_json" });
  }
}
