/**
 * The cases of `npm run bench -- core`: the module and the alternatives doing the same work.
 *
 * Every contender of a case gives the same bytes, and that is checked before anything is timed.
 * Keys and data are fixed: what is measured is speed.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";
import { aeskw, aeskwp, cmac as nobleCmac } from "@noble/ciphers/aes.js";
import { hmac as nobleHmac } from "@noble/hashes/hmac.js";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import type { Core } from "../src/crypto/core.ts";
import { SecretKey } from "../src/crypto/secret-key.ts";

type Work = () => Uint8Array;

export interface BenchCase {
  readonly name: string;
  /** Payload of one run in bytes. */
  readonly bytes: number;
  readonly core: Work;
  readonly node: Work;
  readonly noble: Work;
  /** Ratios aimed at: against Node's OpenSSL and against noble. Null: none. */
  readonly goal: readonly [node: number | null, noble: number | null];
}

const KW_IV = Buffer.alloc(8, 0xa6);
const KWP_IV = Buffer.from("a65959a6", "hex");
const EMPTY = new Uint8Array(0);
const key = Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 3);
const data = Uint8Array.from({ length: 1024 * 1024 }, (_, i) => (i * 31) >> 3);

/** `work` on each chunk of `bytes`, the results one after the other. */
function onChunks(input: Uint8Array, bytes: number, work: (chunk: Uint8Array) => Uint8Array) {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < input.length; at += bytes) {
    parts.push(work(input.subarray(at, at + bytes)));
  }
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}

const nodeWrap = (chunk: Uint8Array): Uint8Array =>
  createCipheriv("id-aes256-wrap-pad", key, KWP_IV).update(chunk);
const nodeUnwrap = (chunk: Uint8Array): Uint8Array =>
  createDecipheriv("id-aes256-wrap-pad", key, KWP_IV).update(chunk);
const nodeKwWrap = (chunk: Uint8Array): Uint8Array =>
  createCipheriv("id-aes256-wrap", key, KW_IV).update(chunk);
const nodeKwUnwrap = (chunk: Uint8Array): Uint8Array =>
  createDecipheriv("id-aes256-wrap", key, KW_IV).update(chunk);

/** KWP of `count` chunks of `bytes` under one key, both ways. */
function chunked(
  core: Core,
  count: number,
  bytes: number,
  goals: BenchCase["goal"][],
): BenchCase[] {
  const kek = core.kek(SecretKey.copyOf(key));
  const plain = data.subarray(0, count * bytes);
  const wrapped = kek.kwpWrapChunks(plain, bytes);
  const name = `KWP, ${count} chunks of ${bytes} B`;
  return [
    {
      name: `${name}, wrap`,
      bytes: plain.length,
      core: () => kek.kwpWrapChunks(plain, bytes),
      node: () => onChunks(plain, bytes, nodeWrap),
      noble: () => onChunks(plain, bytes, (chunk) => aeskwp(key).encrypt(chunk)),
      goal: goals[0] ?? [null, null],
    },
    {
      name: `${name}, unwrap`,
      bytes: plain.length,
      core: () => {
        const out = kek.kwpUnwrapChunks(wrapped, bytes + 8);
        if (!(out instanceof Uint8Array)) throw new Error("unreachable: a good batch is refused");
        return out;
      },
      node: () => onChunks(wrapped, bytes + 8, nodeUnwrap),
      noble: () => onChunks(wrapped, bytes + 8, (chunk) => aeskwp(key).decrypt(chunk)),
      goal: goals[1] ?? [null, null],
    },
  ];
}

/** KW of one message, both ways. */
function single(core: Core, bytes: number, goals: BenchCase["goal"][]): BenchCase[] {
  const kek = core.kek(SecretKey.copyOf(key));
  const plain = data.subarray(0, bytes);
  const wrapped = kek.kwWrap(plain);
  return [
    {
      name: `KW, one message of ${bytes} B, wrap`,
      bytes,
      core: () => kek.kwWrap(plain),
      node: () => nodeKwWrap(plain),
      noble: () => aeskw(key).encrypt(plain),
      goal: goals[0] ?? [null, null],
    },
    {
      name: `KW, one message of ${bytes} B, unwrap`,
      bytes,
      core: () => kek.kwUnwrap(wrapped) ?? new Uint8Array(0),
      node: () => nodeKwUnwrap(wrapped),
      noble: () => aeskw(key).decrypt(wrapped),
      goal: goals[1] ?? [null, null],
    },
  ];
}

function hashing(core: Core): BenchCase[] {
  const secret = SecretKey.copyOf(key);
  const block = data.subarray(0, 60);
  const fixed = data.subarray(0, 56);
  const counters = [1, 2, 3, 4, 5, 6, 7, 8].map((i) =>
    Buffer.concat([Buffer.of(0, 0, 0, i), fixed]),
  );
  const mebibyte = data.subarray(0, 1024 * 1024);
  const long = data.subarray(0, 64 * 1024);
  // Node has no CMAC; the last block of CBC over the same length is the nearest work.
  const k = createCipheriv("aes-256-cbc", key, Buffer.alloc(16)).setAutoPadding(false);
  const l = k.update(Buffer.alloc(16));
  const carry = (l[0] ?? 0) >> 7;
  const k1 = l.map((x, i) => (x << 1) ^ ((l[i + 1] ?? 0) >> 7) ^ (i === 15 ? carry * 0x87 : 0));
  const masked = long.map((x, i) => (i >= long.length - 16 ? x ^ (k1[i & 15] ?? 0) : x));
  return [
    {
      name: "HMAC-SHA-256 of 60 B, key not cached",
      bytes: 60,
      core: () => core.hmacSha256(secret, block),
      node: () => createHmac("sha256", key).update(block).digest(),
      noble: () => nobleHmac(nobleSha256, key, block),
      goal: [1.7, 3.5],
    },
    {
      name: "counter KDF, 8 blocks of HMAC-SHA-256",
      bytes: 8 * 32,
      core: () => {
        using derived = core.kdfCounterFixed(secret, {
          prf: "HMAC-SHA-256",
          counterBits: 32,
          before: EMPTY,
          after: fixed,
          lengthBytes: 8 * 32,
        });
        return derived.use((bytes) => bytes.slice());
      },
      node: () =>
        Buffer.concat(counters.map((input) => createHmac("sha256", key).update(input).digest())),
      noble: () => Buffer.concat(counters.map((input) => nobleHmac(nobleSha256, key, input))),
      goal: [1.7, 3.5],
    },
    {
      name: "SHA-256 of 1 MiB",
      bytes: mebibyte.length,
      core: () => core.sha256(mebibyte),
      node: () => createHash("sha256").update(mebibyte).digest(),
      noble: () => nobleSha256(mebibyte),
      goal: [null, null],
    },
    {
      name: "AES-CMAC of 64 KiB (Node: AES-CBC)",
      bytes: long.length,
      core: () => core.cmac(secret, long),
      node: () => createCipheriv("aes-256-cbc", key, Buffer.alloc(16)).update(masked).subarray(-16),
      noble: () => nobleCmac(long, key),
      goal: [null, null],
    },
  ];
}

/** All cases, each with its own handles in `core`. */
export function coreCases(core: Core): BenchCase[] {
  const bulk: BenchCase["goal"][] = [
    [3.0, 4.4],
    [4.0, 3.7],
  ];
  return [
    ...chunked(core, 32, 2048, bulk),
    ...chunked(core, 64, 16 * 1024, bulk),
    ...chunked(core, 8, 512, [
      [2.5, 3.5],
      [3.5, 3.4],
    ]),
    ...chunked(core, 4, 1024, []),
    ...single(core, 32, [
      [1.25, 1.5],
      [1.5, 1.5],
    ]),
    ...single(core, 4096, []),
    ...hashing(core),
  ];
}
