/**
 * What the fault vectors are made with: one good backup, and ways to change its bytes.
 *
 * Each row of fault-rows-*.ts takes a `Maker` and is wrong in one place.
 */
import type { BackupFaultCode } from "../../../src/backup/format/errors.ts";
import type { Core } from "../../../src/crypto/core.ts";
import type { SnapshotRecord } from "../../../src/hsm/memory/record.ts";
import { record, recordOfLength } from "../fixtures.ts";
import { type Forged, type Forgery, forge, forgeSeal, join, type SealForgery } from "./forge.ts";
import type { ReaderName } from "./readers.ts";

/** Four full frames of 512 payload bytes, and a fifth. */
export const FAULT_MEMORY: readonly SnapshotRecord[] = [
  record(1, 0, "configuration"),
  record(2, 0, "policy"),
  record(3, 1, "admin", "verifier"),
  record(4, 1, "certificate"),
  recordOfLength(5, 1, 900),
  recordOfLength(5, 2, 1100),
];

export type Row = readonly [
  name: string,
  code: BackupFaultCode,
  bytes: Uint8Array,
  reader?: ReaderName,
  which?: string,
];

export class Maker {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }
  forged(forgery: Partial<Forgery> = {}): Forged {
    return forge(this.#core, { records: FAULT_MEMORY, ...forgery });
  }
  bare(forgery: Partial<Forgery> = {}): Uint8Array {
    const { keyBlock, container } = this.forged(forgery);
    return join(keyBlock, container);
  }
  async seal(forgery: SealForgery = {}, forged: Forged = this.forged()) {
    return await forgeSeal(this.#core, forged, { recipients: ["kms"], ...forgery });
  }
  async sealed(forgery: SealForgery = {}): Promise<Uint8Array> {
    return (await this.seal(forgery)).file;
  }
}

export const KEY_BLOCK_BYTES = 176;
export const HEADER_AT = KEY_BLOCK_BYTES + 16;

export function flip(bytes: Uint8Array, at: number, mask = 1): Uint8Array {
  const flipped = bytes.slice();
  const index = at < 0 ? bytes.length + at : at;
  flipped[index] = (flipped[index] ?? 0) ^ mask;
  return flipped;
}

export function withBytes(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const changed = bytes.slice();
  changed.set(values, at);
  return changed;
}
