/**
 * AES as FIPS 197 writes it, byte by byte: slow, plain, NOT constant time. For tests alone.
 *
 * §4.2 the field, §5.1 the cipher, §5.2 the key expansion, §5.3 the inverse cipher.
 */

/** Multiplication in GF(2^8), FIPS 197 §4.2. */
function times(a: number, b: number): number {
  let product = 0;
  let power = a;
  for (let bits = b; bits !== 0; bits >>= 1) {
    if (bits & 1) product ^= power;
    power = power & 0x80 ? (power << 1) ^ 0x11b : power << 1;
  }
  return product;
}

/** The S-box by its definition, FIPS 197 §5.1.1. */
const SBOX: readonly number[] = Array.from({ length: 256 }, (_, x) => {
  let inverse = 0;
  for (let y = 1; y < 256 && inverse === 0; y++) if (times(x, y) === 1) inverse = y;
  let out = 0x63;
  for (let shift = 0; shift < 5; shift++) out ^= (inverse << shift) | (inverse >> (8 - shift));
  return out & 0xff;
});
const INVERSE_SBOX: readonly number[] = SBOX.map((_, y) => SBOX.indexOf(y));

/** The key of the last call and its round keys: a wrap asks for the same ones at every step. */
let last: { readonly key: Uint8Array; readonly roundKeys: readonly Uint8Array[] } | undefined;

function roundKeysOf(key: Uint8Array): readonly Uint8Array[] {
  if (last === undefined || Buffer.compare(last.key, key) !== 0) {
    last = { key: key.slice(), roundKeys: expandKey(key) };
  }
  return last.roundKeys;
}

/** Round keys of 16 bytes each, FIPS 197 §5.2. */
export function expandKey(key: Uint8Array): Uint8Array[] {
  const nk = key.length / 4;
  const rounds = nk + 6;
  const words = Array.from({ length: nk }, (_, i) => [...key.subarray(4 * i, 4 * i + 4)]);
  let rcon = 1;
  for (let i = nk; i < 4 * (rounds + 1); i++) {
    let word = [...words[i - 1]!];
    if (i % nk === 0) {
      word = [...word.slice(1), word[0]!].map((x) => SBOX[x]!);
      word[0]! ^= rcon;
      rcon = times(rcon, 2);
    } else if (nk > 6 && i % nk === 4) {
      word = word.map((x) => SBOX[x]!);
    }
    words.push(word.map((x, j) => x ^ words[i - nk]![j]!));
  }
  return Array.from({ length: rounds + 1 }, (_, r) =>
    Uint8Array.from(words.slice(4 * r, 4 * r + 4).flat()),
  );
}

const add = (state: number[], key: Uint8Array): number[] => state.map((x, i) => x ^ key[i]!);
/** §5.1.2; `turn` 1 forward, 3 inverse. Position 4·column + row. */
const shiftRows = (state: number[], turn: number): number[] =>
  state.map((_, p) => state[(p + 4 * turn * (p & 3)) % 16]!);
/** §5.1.3 and §5.3.3: each column times the polynomial with these coefficients. */
const mixColumns = (state: number[], row: readonly number[]): number[] =>
  state.map((_, p) => {
    const column = p & ~3;
    return [0, 1, 2, 3].reduce((sum, i) => sum ^ times(state[column + ((p + i) & 3)]!, row[i]!), 0);
  });

/** One block of 16 bytes forward, FIPS 197 §5.1. */
export function encryptBlock(key: Uint8Array, block: Uint8Array): Uint8Array {
  const keys = roundKeysOf(key);
  const rounds = keys.length - 1;
  let state = add([...block], keys[0]!);
  for (let round = 1; round <= rounds; round++) {
    state = shiftRows(
      state.map((x) => SBOX[x]!),
      1,
    );
    if (round !== rounds) state = mixColumns(state, [2, 3, 1, 1]);
    state = add(state, keys[round]!);
  }
  return Uint8Array.from(state);
}

/** One block of 16 bytes back, FIPS 197 §5.3. */
export function decryptBlock(key: Uint8Array, block: Uint8Array): Uint8Array {
  const keys = roundKeysOf(key);
  const rounds = keys.length - 1;
  let state = add([...block], keys[rounds]!);
  for (let round = rounds - 1; round >= 0; round--) {
    state = shiftRows(state, 3).map((x) => INVERSE_SBOX[x]!);
    state = add(state, keys[round]!);
    if (round !== 0) state = mixColumns(state, [14, 11, 13, 9]);
  }
  return Uint8Array.from(state);
}
