/**
 * What the vectors are made with: one good backup, ways to change it, and what is to come of it.
 *
 * An area (area-*.ts) is a table of vectors by name, each wrong, or odd, in one place. Changes by
 * `Forgery` lie beneath the MACs, which are made anew; `inside` puts a vector under the seal too.
 */
import { createHash } from "node:crypto";
import type { BackupFaultCode } from "../../../src/backup/format/errors.ts";
import { RECIPIENT } from "../../../src/backup/seal/recipient.ts";
import type { Core } from "../../../src/crypto/core.ts";
import type { SnapshotRecord } from "../../../src/hsm/memory/record.ts";
import { hex, record, recordOfLength } from "../fixtures.ts";
import {
  type Forged,
  type Forgery,
  forge,
  forgeSeal,
  join,
  type SealedForgery,
  type SealForgery,
} from "./forge.ts";
import type { Expectation, Outcome } from "./index-schema.ts";
import type { KeySetName } from "./key-sets.ts";

/** Four full frames of 512 payload bytes, and a fifth. */
export const FAULT_MEMORY: readonly SnapshotRecord[] = [
  record(1, 0, "configuration"),
  record(2, 0, "policy"),
  record(3, 1, "admin", "verifier"),
  record(4, 1, "certificate"),
  recordOfLength(5, 1, 900),
  recordOfLength(5, 2, 1100),
];

/** How a vector is read, where it is not by its owner who expects nothing. */
interface Reading {
  /** One entry of the index for each. */
  readonly keys?: readonly KeySetName[];
  readonly expectation?: Expectation;
}

export interface Vector extends Required<Reading> {
  readonly bytes: Uint8Array;
  readonly expect: Outcome;
}

/** By name: the file is AREA/NAME.hbk. */
export type VectorTable = Readonly<Record<string, Vector>>;

type Refused = Extract<Outcome, { outcome: "refused" }>;
type Details = Reading & Pick<Refused, "which" | "part">;

/** What `inside` takes: key block and container, and how they are refused. */
type InsideRow = readonly [code: BackupFaultCode, bare: Uint8Array, details?: Details];

function vector(bytes: Uint8Array, expect: Outcome, reading: Reading): Vector {
  return { keys: ["owner"], expectation: {}, ...reading, bytes, expect };
}

export function refused(code: BackupFaultCode, bytes: Uint8Array, details: Details = {}): Vector {
  const { which, part, ...reading } = details;
  const facts = { ...(which && { which }), ...(part && { part }) };
  return vector(bytes, { outcome: "refused", code, ...facts }, reading);
}

/** @param bytes - the file, which holds the container of `forged`. */
export function opens(forged: Forged, bytes: Uint8Array, reading: Reading = {}): Vector {
  const stateDigest = hex(forged.payload.subarray(-32));
  const containerDigest = createHash("sha256").update(forged.container).digest("hex");
  const { records } = forged;
  return vector(bytes, { outcome: "opens", stateDigest, containerDigest, records }, reading);
}

export class Maker {
  readonly core: Core;

  constructor(core: Core) {
    this.core = core;
  }
  forged(forgery: Partial<Forgery> = {}): Forged {
    return forge(this.core, { records: FAULT_MEMORY, ...forgery });
  }
  bare(forgery: Partial<Forgery> = {}): Uint8Array {
    const { keyBlock, container } = this.forged(forgery);
    return join(keyBlock, container);
  }
  /** For the KMS alone, unless recipients are named. */
  async seal(forgery: SealForgery = {}, forged: Sealable = this.forged()): Promise<SealedForgery> {
    return await forgeSeal(this.core, forged, { recipients: [RECIPIENT.kms], ...forgery });
  }
  async sealed(forgery: SealForgery = {}): Promise<Uint8Array> {
    return (await this.seal(forgery)).file;
  }
  /** Each row twice: as a bare file, and as NAME_sealed with the same bytes under a good seal. */
  async inside(rows: Readonly<Record<string, InsideRow>>): Promise<VectorTable> {
    const table: Record<string, Vector> = {};
    for (const [name, [code, bare, details]] of Object.entries(rows)) {
      const keyBlock = bare.subarray(0, KEY_BLOCK_BYTES);
      const container = bare.subarray(KEY_BLOCK_BYTES);
      const { file } = await this.seal({}, { keyBlock, container });
      table[name] = refused(code, bare, details);
      table[`${name}_sealed`] = refused(code, file, details);
    }
    return table;
  }
}

type Sealable = Pick<Forged, "keyBlock" | "container">;

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
