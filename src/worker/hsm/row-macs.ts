/**
 * What authenticates an HSM's rows at rest: a MAC for each, and sums over whole tables.
 *
 * Spec: docs/STORAGE.md, "Rows are authenticated". Keys come from the deployment's storage key and the name
 * of the object, so that neither a row nor a whole database of another HSM verifies. HMAC-SHA-256 is
 * FIPS 198-1; a sum is kept wrapped (SP 800-38F §6.3), as whoever knew it could balance a change.
 */
import type { Core } from "../../crypto/core.ts";
import type { SecretKey } from "../../crypto/secret-key.ts";
import type { Secrets } from "../opening/secrets.ts";
import { openCore } from "../platform/engine.ts";
import type { MemorySql } from "./memory-sql.ts";
import type { Overview } from "./overview.ts";
import { RowEncoder, type SqlValue } from "./row-encoding.ts";
import { MemoryChanged } from "./storage-key.ts";

const KEY_BYTES = 32;
const LABELS = {
  row: "holdfast/v1/hsm-rows",
  element: "holdfast/v1/hsm-row-elements",
  sum: "holdfast/v1/hsm-row-sums",
  check: "holdfast/v1/hsm-key-check",
} as const;

/** Of a row, in bytes. */
const MAC_BYTES = 16;
const SUM_BYTES = 32;
const COUNT_BYTES = 8;

/** An HSM's tables, what authenticates them, and what is known of them as a whole. */
export interface HsmRows {
  readonly sql: MemorySql;
  readonly macs: RowMacs;
  readonly overview: Overview;
}

/** One for all of an isolate: it keeps nothing between two calls. */
let shared: Core | null = null;

function macCore(): Core {
  shared ??= openCore();
  return shared;
}

const rowEncoder = new RowEncoder();

export class RowMacs {
  readonly #row: SecretKey;
  readonly #element: SecretKey;
  readonly #sum: SecretKey;
  /** Tells this storage key from another; tells nothing of it. 16 bytes. */
  readonly keyCheck: Uint8Array<ArrayBuffer>;

  /** @param name - of the HSM's object; no other object has it. */
  constructor(secrets: Secrets, name: string) {
    const context = new TextEncoder().encode(name);
    const derive = (label: string) =>
      macCore().kdfCounter(secrets.storageKey, label, context, KEY_BYTES);
    this.#row = derive(LABELS.row);
    this.#element = derive(LABELS.element);
    this.#sum = derive(LABELS.sum);
    using check = derive(LABELS.check);
    this.keyCheck = check.use((bytes) => new Uint8Array(bytes.subarray(0, MAC_BYTES)));
  }

  /** MAC of a row in its place: 16 fresh bytes. */
  mac(table: string, values: readonly SqlValue[]): Uint8Array {
    const mac = macCore().hmacSha256(this.#row, ...rowEncoder.encode(table, values));
    return mac.subarray(0, MAC_BYTES);
  }

  /** Whether `mac` is the row's. */
  isOurs(table: string, values: readonly SqlValue[], mac: SqlValue): boolean {
    const isBytes = mac instanceof ArrayBuffer || mac instanceof Uint8Array;
    return isBytes && macCore().equal(this.mac(table, values), new Uint8Array(mac));
  }

  /** @throws MemoryChanged unless `mac` is the row's. */
  verify(table: string, values: readonly SqlValue[], mac: SqlValue): void {
    if (!this.isOurs(table, values, mac)) throw new MemoryChanged(placeOf(table, values));
  }

  /** What a row adds to the sum of its table: a function of its MAC that nobody else can compute. */
  element(mac: Uint8Array): Uint8Array {
    return macCore().hmacSha256(this.#element, mac);
  }

  /** @param part - which tables it is the sum of. */
  wrapSum(part: string, sum: RowSum): Uint8Array {
    using kek = macCore().kek(this.#sum);
    return kek.kwpWrap(concat(this.#partTag(part), sum.encode()));
  }

  /** @throws MemoryChanged unless it was wrapped for this part. */
  unwrapSum(part: string, wrapped: SqlValue): RowSum {
    using kek = macCore().kek(this.#sum);
    const isBytes = wrapped instanceof ArrayBuffer || wrapped instanceof Uint8Array;
    const plain = isBytes ? kek.kwpUnwrap(new Uint8Array(wrapped)) : null;
    const tag = this.#partTag(part);
    const isHere = plain !== null && macCore().equal(plain.slice(0, tag.length), tag);
    if (!isHere) throw new MemoryChanged(`the sum of ${part}`);
    return RowSum.decode(plain.subarray(tag.length));
  }

  #partTag(part: string): Uint8Array {
    return this.mac("sum", [part]);
  }
}

/**
 * A set of rows in one value: the exclusive or of their elements, and how many there are. Elements are
 * outputs of a PRF that leave this HSM's code only inside a wrapped sum.
 */
export class RowSum {
  readonly #bits: Uint8Array;
  #count: number;

  constructor(bits = new Uint8Array(SUM_BYTES), count = 0) {
    this.#bits = bits;
    this.#count = count;
  }

  static decode(bytes: Uint8Array): RowSum {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return new RowSum(bytes.slice(0, SUM_BYTES), Number(view.getBigInt64(SUM_BYTES)));
  }

  encode(): Uint8Array {
    const bytes = new Uint8Array(SUM_BYTES + COUNT_BYTES);
    bytes.set(this.#bits);
    new DataView(bytes.buffer).setBigInt64(SUM_BYTES, BigInt(this.#count));
    return bytes;
  }

  add(element: Uint8Array): void {
    this.#flip(element);
    this.#count += 1;
  }

  remove(element: Uint8Array): void {
    this.#flip(element);
    this.#count -= 1;
  }

  equals(other: RowSum): boolean {
    return macCore().equal(this.encode(), other.encode());
  }

  #flip(element: Uint8Array): void {
    for (let i = 0; i < SUM_BYTES; i++) this.#bits[i] = (this.#bits[i] ?? 0) ^ (element[i] ?? 0);
  }
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Table and numbers of a row: neither names nor contents. */
function placeOf(table: string, values: readonly SqlValue[]): string {
  const numbers = values.slice(0, 3).filter((value) => typeof value === "number");
  return numbers.length === 0 ? table : `${table} ${numbers.join("/")}`;
}
