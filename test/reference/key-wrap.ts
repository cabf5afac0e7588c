/**
 * KW and KWP as SP 800-38F §6 writes them: slow, plain, NOT constant time. For tests alone.
 *
 * Algorithms 1 to 6, over the AES beside this file. A refusal is null.
 */
import { decryptBlock, encryptBlock } from "./aes.ts";

const ICV1 = Uint8Array.of(0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6);
const ICV2 = Uint8Array.of(0xa6, 0x59, 0x59, 0xa6);

const concat = (...parts: Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

function addCounter(a: Uint8Array, t: number): Uint8Array {
  const counter = new Uint8Array(8);
  new DataView(counter.buffer).setBigUint64(0, BigInt(t));
  return a.map((x, i) => x ^ counter[i]!);
}

/** W, Algorithm 1. */
export function w(kek: Uint8Array, s: Uint8Array): Uint8Array {
  const n = s.length / 8;
  const r = Array.from({ length: n }, (_, i) => s.slice(8 * i, 8 * i + 8));
  for (let t = 1; t <= 6 * (n - 1); t++) {
    const i = ((t - 1) % (n - 1)) + 1;
    const block = encryptBlock(kek, concat(r[0]!, r[i]!));
    r[0] = addCounter(block.subarray(0, 8), t).slice();
    r[i] = block.slice(8);
  }
  return concat(...r);
}

/** W⁻¹, Algorithm 2. */
function wInverse(kek: Uint8Array, c: Uint8Array): Uint8Array {
  const n = c.length / 8;
  const r = Array.from({ length: n }, (_, i) => c.slice(8 * i, 8 * i + 8));
  for (let t = 6 * (n - 1); t >= 1; t--) {
    const i = ((t - 1) % (n - 1)) + 1;
    const block = decryptBlock(kek, concat(addCounter(r[0]!, t), r[i]!));
    r[0] = block.slice(0, 8);
    r[i] = block.slice(8);
  }
  return concat(...r);
}

/** KW-AE, Algorithm 3. */
export function kwWrap(kek: Uint8Array, plain: Uint8Array): Uint8Array {
  return w(kek, concat(ICV1, plain));
}

/** KW-AD, Algorithm 4. */
export function kwUnwrap(kek: Uint8Array, wrapped: Uint8Array): Uint8Array | null {
  if (wrapped.length < 24 || wrapped.length % 8 !== 0) return null;
  const s = wInverse(kek, wrapped);
  return same(s.subarray(0, 8), ICV1) ? s.slice(8) : null;
}

/** KWP-AE, Algorithm 5. */
export function kwpWrap(kek: Uint8Array, plain: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, plain.length);
  const s = concat(ICV2, length, plain, new Uint8Array((8 - (plain.length % 8)) % 8));
  return plain.length <= 8 ? encryptBlock(kek, s) : w(kek, s);
}

/** KWP-AD, Algorithm 6. */
export function kwpUnwrap(kek: Uint8Array, wrapped: Uint8Array): Uint8Array | null {
  if (wrapped.length < 16 || wrapped.length % 8 !== 0) return null;
  const s = wrapped.length === 16 ? decryptBlock(kek, wrapped) : wInverse(kek, wrapped);
  if (!same(s.subarray(0, 4), ICV2)) return null;
  const length = new DataView(s.buffer).getUint32(4);
  const padding = s.length - 8 - length;
  if (padding < 0 || padding > 7) return null;
  return s.subarray(8 + length).every((x) => x === 0) ? s.slice(8, 8 + length) : null;
}
