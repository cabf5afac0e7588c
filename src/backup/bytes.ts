/**
 * Bytes put together, compared and shown. No format is known here, and nothing secret is compared.
 */
import { BackupError, type FilePart } from "./errors.ts";
import { FORMAT_VERSION, MAGIC_BYTES } from "./layout.ts";

/** The concatenation of `parts`, fresh. */
export function concatBytes(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Whether two public byte strings are equal; not constant time. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  return a.every((byte, i) => byte === b[i]);
}

/** Lower case. */
export function encodeHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Null unless `text` is pairs of lower-case digits. */
export function parseHex(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^([0-9a-f]{2})*$/.test(text)) return null;
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** A view for reading and writing integers in `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

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
