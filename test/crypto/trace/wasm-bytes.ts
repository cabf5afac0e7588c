/**
 * The binary format of WebAssembly, as far as the tracing pass needs it: LEB128 and sections.
 */

/** Reads forward through bytes. */
export class Reader {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  byte(): number {
    const value = this.bytes[this.at++];
    if (value === undefined) throw new Error("wasm: ends too early");
    return value;
  }

  skip(count: number): void {
    this.at += count;
  }

  take(count: number): Uint8Array {
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  /** Any LEB128 number, its value left unread. */
  leb(): void {
    while (this.byte() & 0x80);
  }

  /** An unsigned LEB128 number below 2^32. */
  u32(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }
}

/** Unsigned LEB128. */
export function u32(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  do {
    const more = rest >= 128;
    out.push((rest % 128) + (more ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return out;
}

/** Signed LEB128 of a value from 0 to 2^31 − 1. */
export function signed(value: number): number[] {
  const out = u32(value);
  const last = out.length - 1;
  if (((out[last] ?? 0) & 0x40) === 0) return out;
  return [...out.slice(0, last), (out[last] ?? 0) | 0x80, 0];
}

export interface Section {
  readonly id: number;
  readonly content: Uint8Array;
}

/** All sections in order. */
export function sections(bytes: Uint8Array): Section[] {
  const reader = new Reader(bytes);
  reader.skip(8);
  const out: Section[] = [];
  while (reader.at < bytes.length) {
    const id = reader.byte();
    out.push({ id, content: reader.take(reader.u32()) });
  }
  return out;
}

/** One section as bytes. */
export function section(id: number, content: readonly number[]): number[] {
  return [id, ...u32(content.length), ...content];
}
