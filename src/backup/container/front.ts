/**
 * The front of a container: prologue, header and header MAC, opened before any chunk is read.
 *
 * Spec: FORMAT.md §3.5, H-04 to X-02. Only what `openHeader` returns is authentic.
 */

import { equalBytes } from "../../crypto/bytes.ts";
import type { Core } from "../../crypto/core.ts";
import type { HsmMode } from "../../hsm/memory/configuration-record.ts";
import { BackupError } from "../format/errors.ts";
import { type Keyring, knowsMkbk, type PbkIds } from "../format/keys.ts";
import { MAC_BYTES, PROLOGUE_BYTES } from "../format/layout.ts";
import { decodeHeader, decodePrologue, type Header, peekHeader } from "./header.ts";
import { type ContainerKeys, decodeKeyBlock, unwrapKeyBlock } from "./key-block.ts";
import { headerMac } from "./writer.ts";

/** What a caller knows about the backup it asked for. What is absent is not checked. */
export interface Expected {
  readonly backupId?: string;
  readonly clusterId?: string;
  readonly lineageId?: string;
  readonly mode?: HsmMode;
  /** 32 bytes. */
  readonly containerDigest?: Uint8Array;
}

/** An authentic header and the keys of its container, which the caller disposes of. */
export interface OpenedHeader {
  readonly header: Header;
  readonly keys: ContainerKeys;
}

/**
 * H-01 to H-14 of FORMAT.md §3.5: whether these keys open this container, without reading its
 * chunks.
 *
 * @param front - prologue, header and header MAC; more bytes behind them are ignored. Borrowed.
 * @throws BackupError up to `header_invalid` and `manufacturer_mismatch`.
 */
export function openHeader(
  core: Core,
  ring: Keyring,
  keyBlock: Uint8Array,
  front: Uint8Array,
): OpenedHeader {
  const ids = decodeKeyBlock(keyBlock);
  const headerEnd = PROLOGUE_BYTES + decodePrologue(front.subarray(0, PROLOGUE_BYTES));
  if (front.length < headerEnd + MAC_BYTES) {
    const gotBytes = front.length;
    throw new BackupError({ code: "truncated", part: "container", expectedBytes: null, gotBytes });
  }
  const bytes = front.subarray(0, headerEnd);
  verifyManufacturerHint(ring, ids, peekHeader(bytes.subarray(PROLOGUE_BYTES)));
  const { keys, headerDigest } = unwrapKeyBlock(core, ring, keyBlock);
  let holds = false;
  try {
    const mac = front.subarray(headerEnd, headerEnd + MAC_BYTES);
    const isGenuine =
      equalBytes(headerDigest, core.sha256(bytes)) && core.equal(headerMac(core, keys, bytes), mac);
    if (!isGenuine) throw new BackupError({ code: "header_damaged" });
    const header = decodeHeader(bytes.subarray(PROLOGUE_BYTES));
    verifyManufacturer(ring, header);
    holds = true;
    return { header, keys };
  } finally {
    if (!holds) keys[Symbol.dispose]();
  }
}

/** An MKBK that is not here says less than whose it is; the unauthentic header may know. */
function verifyManufacturerHint(ring: Keyring, ids: PbkIds, hint: Header | null): void {
  if (hint !== null && !knowsMkbk(ring, ids)) verifyManufacturer(ring, hint);
}

function verifyManufacturer(ring: Keyring, header: Header): void {
  const { manufacturer: got } = header;
  const expected = ring.manufacturer;
  if (got !== expected) throw new BackupError({ code: "manufacturer_mismatch", expected, got });
}

/** @throws BackupError `wrong_backup`, `mode_mismatch`. */
export function verifyExpected(header: Header, expected: Expected): void {
  for (const field of ["backupId", "clusterId", "lineageId"] as const) {
    const wanted = expected[field];
    if (wanted === undefined || wanted === header[field]) continue;
    throw new BackupError({ code: "wrong_backup", field, expected: wanted, got: header[field] });
  }
  const { mode } = expected;
  if (mode !== undefined && mode !== header.mode) {
    throw new BackupError({ code: "mode_mismatch", expected: mode, got: header.mode });
  }
}
