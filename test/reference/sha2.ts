/**
 * SHA-2, HMAC, AES-CMAC and the counter KDF as their standards write them, with big integers: slow,
 * plain, NOT constant time. For tests alone.
 *
 * FIPS 180-4 §4 to §6, FIPS 198-1 §4, SP 800-38B §6, SP 800-108r1 §4.1.
 */
import { encryptBlock } from "./aes.ts";

export type HashName = "SHA-224" | "SHA-256" | "SHA-384" | "SHA-512";

const concat = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

const primes: number[] = [];
for (let n = 2; primes.length < 80; n++) if (primes.every((p) => n % p !== 0)) primes.push(n);

/** The first `bits` bits of the fractional part of the k-th root of n (§4.2). */
function rootBits(n: number, k: bigint, bits: bigint): bigint {
  const target = BigInt(n) << (bits * k);
  let low = 0n;
  let high = 1n << (bits + 10n);
  while (low + 1n < high) {
    const middle = (low + high) / 2n;
    if (middle ** k <= target) low = middle;
    else high = middle;
  }
  return low & ((1n << bits) - 1n);
}

interface Family {
  readonly w: bigint;
  readonly rounds: number;
  /** Rotations of Σ0, Σ1, σ0, σ1; the third of σ is a shift. §4.1.2, §4.1.3. */
  readonly turns: readonly (readonly [bigint, bigint, bigint])[];
  /** One for each round (§4.2). */
  readonly constants: readonly bigint[];
}

const constantsOf = (rounds: number, w: bigint): bigint[] =>
  primes.slice(0, rounds).map((prime) => rootBits(prime, 3n, w));

const SMALL: Family = {
  w: 32n,
  rounds: 64,
  turns: [
    [2n, 13n, 22n],
    [6n, 11n, 25n],
    [7n, 18n, 3n],
    [17n, 19n, 10n],
  ],
  constants: constantsOf(64, 32n),
};
const LARGE: Family = {
  w: 64n,
  rounds: 80,
  turns: [
    [28n, 34n, 39n],
    [14n, 18n, 41n],
    [1n, 8n, 7n],
    [19n, 61n, 6n],
  ],
  constants: constantsOf(80, 64n),
};

/** Digest bytes, family, and the primes and bits of H(0) (§5.3). */
const HASHES: Readonly<Record<HashName, readonly [number, Family, bigint[]]>> = {
  "SHA-224": [28, SMALL, primes.slice(8, 16).map((p) => rootBits(p, 2n, 64n) & 0xffffffffn)],
  "SHA-256": [32, SMALL, primes.slice(0, 8).map((p) => rootBits(p, 2n, 32n))],
  "SHA-384": [48, LARGE, primes.slice(8, 16).map((p) => rootBits(p, 2n, 64n))],
  "SHA-512": [64, LARGE, primes.slice(0, 8).map((p) => rootBits(p, 2n, 64n))],
};

const blockBytesOf = (family: Family): number => Number(family.w) * 2;

function compress(family: Family, state: bigint[], block: Uint8Array): bigint[] {
  const { w, rounds, turns, constants } = family;
  const mask = (1n << w) - 1n;
  const rotate = (x: bigint, n: bigint): bigint => ((x >> n) | (x << (w - n))) & mask;
  const upperSigma = (x: bigint, [a, b, c]: readonly bigint[]): bigint =>
    rotate(x, a!) ^ rotate(x, b!) ^ rotate(x, c!);
  const lowerSigma = (x: bigint, [a, b, c]: readonly bigint[]): bigint =>
    rotate(x, a!) ^ rotate(x, b!) ^ (x >> c!);
  const wordBytes = Number(w) / 8;
  const words = Array.from({ length: 16 }, (_, i) =>
    BigInt(`0x${Buffer.from(block.subarray(i * wordBytes, (i + 1) * wordBytes)).toString("hex")}`),
  );
  for (let t = 16; t < rounds; t++) {
    const sum = lowerSigma(words[t - 2]!, turns[3]!) + words[t - 7]!;
    words.push((sum + lowerSigma(words[t - 15]!, turns[2]!) + words[t - 16]!) & mask);
  }
  let [a, b, c, d, e, f, g, h] = state as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  for (let t = 0; t < rounds; t++) {
    const k = constants[t]!;
    const t1 = h + upperSigma(e, turns[1]!) + ((e & f) ^ (~e & g & mask)) + k + words[t]!;
    const t2 = upperSigma(a, turns[0]!) + ((a & b) ^ (a & c) ^ (b & c));
    [a, b, c, d, e, f, g, h] = [(t1 + t2) & mask, a, b, c, (d + t1) & mask, e, f, g];
  }
  return [a, b, c, d, e, f, g, h].map((x, i) => (x + state[i]!) & mask);
}

/** FIPS 180-4 §6. */
export function hash(name: HashName, message: Uint8Array): Uint8Array {
  const [digestBytes, family, initial] = HASHES[name];
  const block = blockBytesOf(family);
  const padding = (2 * block - ((message.length + 1 + block / 8) % block)) % block;
  const length = new Uint8Array(block / 8);
  new DataView(length.buffer).setBigUint64(block / 8 - 8, BigInt(message.length) * 8n);
  const padded = concat(message, Uint8Array.of(0x80), new Uint8Array(padding), length);
  let state = initial;
  for (let at = 0; at < padded.length; at += block) {
    state = compress(family, state, padded.subarray(at, at + block));
  }
  const hex = state.map((x) => x.toString(16).padStart(Number(family.w) / 4, "0")).join("");
  return new Uint8Array(Buffer.from(hex, "hex").subarray(0, digestBytes));
}

/** FIPS 198-1 §4. */
export function hmac(name: HashName, key: Uint8Array, message: Uint8Array): Uint8Array {
  const block = blockBytesOf(HASHES[name][1]);
  const k0 = new Uint8Array(block);
  k0.set(key.length > block ? hash(name, key) : key);
  const inner = hash(
    name,
    concat(
      k0.map((x) => x ^ 0x36),
      message,
    ),
  );
  return hash(
    name,
    concat(
      k0.map((x) => x ^ 0x5c),
      inner,
    ),
  );
}

/** SP 800-38B §6.1 and §6.2. */
export function cmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  const double = (block: Uint8Array): Uint8Array => {
    const value = BigInt(`0x${Buffer.from(block).toString("hex")}`);
    const shifted = (value << 1n) & ((1n << 128n) - 1n);
    const out = value >> 127n ? shifted ^ 0x87n : shifted;
    return new Uint8Array(Buffer.from(out.toString(16).padStart(32, "0"), "hex"));
  };
  const xor = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((x, i) => x ^ b[i]!);
  const k1 = double(encryptBlock(key, new Uint8Array(16)));
  const count = Math.max(1, Math.ceil(message.length / 16));
  let chain: Uint8Array = new Uint8Array(16);
  for (let i = 0; i < count - 1; i++) {
    chain = encryptBlock(key, xor(chain, message.subarray(16 * i, 16 * i + 16)));
  }
  const rest = message.subarray(16 * (count - 1));
  const last = new Uint8Array(16);
  last.set(rest);
  if (rest.length === 16) return encryptBlock(key, xor(chain, xor(last, k1)));
  last[rest.length] = 0x80;
  return encryptBlock(key, xor(chain, xor(last, double(k1))));
}

/** SP 800-108r1 §4.1: `prf(before ‖ [i]_r ‖ after)` for i = 1, 2, …, cut to `length` bytes. */
export function counterKdf(
  prf: (message: Uint8Array) => Uint8Array,
  counterBits: number,
  before: Uint8Array,
  after: Uint8Array,
  length: number,
): Uint8Array {
  let out: Uint8Array = new Uint8Array(0);
  for (let i = 1; out.length < length; i++) {
    const hex = i.toString(16).padStart(counterBits / 4, "0");
    out = concat(out, prf(concat(before, Buffer.from(hex, "hex"), after)));
  }
  return out.slice(0, length);
}
