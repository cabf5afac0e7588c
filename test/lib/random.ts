/**
 * Chance that a seed decides: the same text gives the same bytes, numbers and choices every time.
 */
import { createCipheriv, createHash } from "node:crypto";

/** A stream of bytes: AES in counter mode. */
export class Random {
  readonly #cipher: ReturnType<typeof createCipheriv>;

  constructor(seed: string) {
    const key = createHash("sha256").update(seed).digest();
    this.#cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#cipher.update(Buffer.alloc(length)));
  }

  /** 0 to below − 1. */
  below(below: number): number {
    return Buffer.from(this.bytes(4)).readUInt32LE() % below;
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.below(list.length)];
    if (item === undefined) throw new RangeError("list: expected at least one item, got none");
    return item;
  }

  /** Whether something happens that does so `percent` times in a hundred. */
  chance(percent: number): boolean {
    return this.below(10_000) < 100 * percent;
  }

  /** Mostly short, sometimes thousands of bytes. */
  length(minimum: number): number {
    return minimum + this.below(this.pick([10, 40, 100, 300, 5000]));
  }
}
