/**
 * A secret with a scope: bytes that are zeroed when their owner is done with them.
 *
 * SECURITY.md, "Wiping". Every key of the hierarchy travels as a `SecretKey`. The bytes never reach a
 * log, an error text or JSON: only `use` lends them. Copies the engine makes when it moves memory cannot
 * be wiped.
 */
export class SecretKey {
  #bytes: Uint8Array | null;

  /** @param bytes - 1 or more bytes, owned by this key from now on: they are zeroed on disposal. */
  constructor(bytes: Uint8Array) {
    if (bytes.length === 0) throw new RangeError("bytes: expected at least 1 byte, got 0");
    this.#bytes = bytes;
  }

  /** A key over a fresh copy of `bytes`; the caller keeps, and wipes, its own. */
  static copyOf(bytes: Uint8Array): SecretKey {
    // Not `slice`: that of Node's Buffer shares its memory.
    return new SecretKey(new Uint8Array(bytes));
  }

  /** Length in bytes. Throws TypeError after disposal. */
  get length(): number {
    return this.#live().length;
  }

  /**
   * Lends the bytes to `f`. They are borrowed: `f` neither keeps nor changes them.
   *
   * @throws TypeError after disposal.
   */
  use<T>(f: (bytes: Uint8Array) => T): T {
    return f(this.#live());
  }

  /** A second key over a copy of the same bytes, with a life of its own. @throws TypeError after disposal. */
  clone(): SecretKey {
    return SecretKey.copyOf(this.#live());
  }

  /** Zeroes the bytes. Harmless when repeated. */
  [Symbol.dispose](): void {
    this.#bytes?.fill(0);
    this.#bytes = null;
  }

  toString(): string {
    return "[SecretKey]";
  }

  toJSON(): string {
    return "[SecretKey]";
  }

  #live(): Uint8Array {
    if (this.#bytes === null) throw new TypeError("SecretKey used after disposal");
    return this.#bytes;
  }
}
