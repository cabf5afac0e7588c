/**
 * Magic numbers, versions, lengths: whether a part is ours, whole, and one that we can read.
 *
 * Spec: FORMAT.md §3.2. The first thing looked at in every part; all bytes are untrusted.
 */
import { equalBytes, viewOf } from "../../crypto/bytes.ts";
import { BackupError, type FilePart } from "./errors.ts";
import { FORMAT_VERSION, MAGIC_BYTES } from "./layout.ts";

/**
 * Magic number and version at the front of `bytes`, which may be cut short.
 *
 * @throws BackupError `not_ours`, `newer_version`; `truncated` if what is there begins rightly but
 *   ends before the version does.
 */
export function verifyFront(bytes: Uint8Array, magic: Uint8Array, part: FilePart): void {
  const present = bytes.subarray(0, MAGIC_BYTES);
  if (!equalBytes(present, magic.subarray(0, present.length))) {
    throw new BackupError({ code: "not_ours", part });
  }
  if (bytes.length < MAGIC_BYTES + 2) {
    throw new BackupError({
      code: "truncated",
      part,
      expectedBytes: null,
      gotBytes: bytes.length,
    });
  }
  verifyVersion(viewOf(bytes).getUint16(MAGIC_BYTES), FORMAT_VERSION, part);
}

/** @throws BackupError `newer_version`, or `not_ours` for 0. */
export function verifyVersion(got: number, supported: number, part: FilePart): void {
  if (got > supported) throw new BackupError({ code: "newer_version", part, got, supported });
  if (got === 0) throw new BackupError({ code: "not_ours", part });
}

/**
 * The length that a part has against the one that an authentic field gives it.
 * @throws BackupError `truncated`, `trailing_data`.
 */
export function verifyLength(
  expectedBytes: number,
  gotBytes: number,
  part: "container" | "body",
): void {
  if (gotBytes < expectedBytes) {
    throw new BackupError({ code: "truncated", part, expectedBytes, gotBytes });
  }
  if (gotBytes > expectedBytes) {
    throw new BackupError({ code: "trailing_data", part, expectedBytes });
  }
}
