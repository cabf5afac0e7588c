/**
 * The bytes of a row that its MAC is over.
 *
 * Spec: docs/STORAGE.md, "Rows are authenticated". Injective: each value is preceded by its type and its
 * length. SQLite is not held to the type of a column, so a value's own type counts.
 */

/** What SQLite holds in a column, whatever the column's type says. */
export type SqlValue = null | number | string | ArrayBuffer | Uint8Array;

const TAG = { null: 0, integer: 1, real: 2, text: 3, blob: 4 } as const;
/** Tag, and length of the value behind it, in bytes. */
const HEAD_BYTES = 5;
const NUMBER_BYTES = 8;
/** UTF-8 has at most as many bytes for a UTF-16 unit. */
const BYTES_PER_UNIT = 3;
/** Of a text that is copied unit by unit. */
const SHORT_UNITS = 128;
const LAST_ASCII = 0x7f;
/** Longer bytes are a piece of their own, and not copied: a part of a container, of up to 1 MiB. */
const LONG_BYTES = 8 * 1024;
/** Room that is kept from row to row: a row is seldom longer. */
const KEPT_BYTES = 64 * 1024;

const encoder = new TextEncoder();

/** One row at a time, in room that is used again: thousands of rows are encoded in one turn. */
export class RowEncoder {
  readonly #kept = roomOf(KEPT_BYTES);
  #room = this.#kept;
  #length = 0;
  /** What is behind the pieces that are done begins here in the room. */
  #from = 0;

  /** @returns the bytes in pieces, borrowed from the row, and until the next row is encoded. */
  encode(table: string, values: readonly SqlValue[]): Uint8Array[] {
    let needed = mostBytes(table);
    for (const value of values) needed += mostBytes(value);
    this.#room = needed > KEPT_BYTES ? roomOf(needed) : this.#kept;
    this.#length = 0;
    this.#from = 0;
    const pieces: Uint8Array[] = [];
    this.#put(table, pieces);
    for (const value of values) this.#put(value, pieces);
    pieces.push(this.#taken());
    return pieces;
  }

  #taken(): Uint8Array {
    const piece = this.#room.bytes.subarray(this.#from, this.#length);
    this.#from = this.#length;
    return piece;
  }

  #put(value: SqlValue, pieces: Uint8Array[]): void {
    if (value === null) this.#putHead(TAG.null, 0);
    else if (typeof value === "number") this.#putNumber(value);
    else if (typeof value === "string") this.#putText(value);
    else this.#putBytes(value, pieces);
  }

  #putNumber(value: number): void {
    const { view } = this.#room;
    const isInteger = Number.isSafeInteger(value);
    this.#putHead(isInteger ? TAG.integer : TAG.real, NUMBER_BYTES);
    if (isInteger) {
      // As setBigInt64 of it, at a tenth of the price.
      view.setInt32(this.#length, Math.floor(value / 2 ** 32));
      view.setInt32(this.#length + 4, value | 0);
    } else view.setFloat64(this.#length, value);
    this.#length += NUMBER_BYTES;
  }

  #putText(text: string): void {
    const start = this.#length + HEAD_BYTES;
    const written = this.#putAscii(text, start) ?? this.#putUtf8(text, start);
    this.#putHead(TAG.text, written);
    this.#length += written;
  }

  /** As UTF-8 of it, at a fifth of the price for a name. @returns null: it is not ASCII, or long. */
  #putAscii(text: string, start: number): number | null {
    if (text.length > SHORT_UNITS) return null;
    const { bytes } = this.#room;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > LAST_ASCII) return null;
      bytes[start + i] = unit;
    }
    return text.length;
  }

  #putUtf8(text: string, start: number): number {
    return encoder.encodeInto(text, this.#room.bytes.subarray(start)).written;
  }

  #putBytes(value: ArrayBuffer | Uint8Array, pieces: Uint8Array[]): void {
    const bytes = value instanceof Uint8Array ? value : new Uint8Array(value);
    this.#putHead(TAG.blob, bytes.length);
    if (bytes.length > LONG_BYTES) {
      pieces.push(this.#taken(), bytes);
      return;
    }
    this.#room.bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #putHead(tag: number, byteLength: number): void {
    const { view } = this.#room;
    view.setUint8(this.#length, tag);
    view.setUint32(this.#length + 1, byteLength);
    this.#length += HEAD_BYTES;
  }
}

interface Room {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

function roomOf(byteLength: number): Room {
  const bytes = new Uint8Array(byteLength);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** Bytes that a value takes in the room at most, its head among them. */
function mostBytes(value: SqlValue): number {
  if (value === null) return HEAD_BYTES;
  if (typeof value === "number") return HEAD_BYTES + NUMBER_BYTES;
  if (typeof value === "string") return HEAD_BYTES + value.length * BYTES_PER_UNIT;
  return HEAD_BYTES + (value.byteLength > LONG_BYTES ? 0 : value.byteLength);
}
