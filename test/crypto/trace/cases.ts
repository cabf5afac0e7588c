/**
 * What is traced: every export, with all that is secret drawn anew from a seed.
 *
 * Lengths, slots and algorithms are public and fixed in each case; keys, messages, tags and states are not.
 */
import { sample } from "../sample.ts";
import type { Tracer } from "./tracer.ts";

export interface Case {
  readonly name: string;
  /** Exports whose traces this case compares. */
  readonly exports: readonly string[];
  /** Brings the secrets of `seed` in and calls the exports. */
  readonly run: (tracer: Tracer, seed: number) => void;
}

/** Bytes that depend on the seed; the first two seeds are the extremes. */
export function secret(seed: number, name: string, length: number): Uint8Array {
  if (seed === 0) return new Uint8Array(length);
  if (seed === 1) return new Uint8Array(length).fill(0xff);
  return sample(`${name}/${seed}`, length);
}

export function setKey(tracer: Tracer, seed: number, keyBytes: number): void {
  tracer.put("KEY", secret(seed, "key", keyBytes));
  tracer.call("aesSetKey", 0, keyBytes);
}

const blocks: Case[] = [16, 24, 32].map((keyBytes) => ({
  name: `AES-${keyBytes * 8}`,
  exports: ["aesSetKey", "aesEncryptBlocks", "aesDecryptBlocks", "aesClearKey"],
  run: (tracer, seed) => {
    setKey(tracer, seed, keyBytes);
    tracer.put("DATA", secret(seed, "data", 48));
    tracer.call("aesEncryptBlocks", 0, 48);
    tracer.put("DATA", secret(seed, "more", 48));
    tracer.call("aesDecryptBlocks", 0, 48);
    tracer.call("aesClearKey", 0);
  },
}));

const wraps: Case[] = [
  ...[16, 40].map((length) => ["kwWrap", length] as const),
  ...[1, 8, 9, 61].map((length) => ["kwpWrap", length] as const),
].map(([name, length]) => ({
  name: `${name} of ${length} bytes`,
  exports: [name],
  run: (tracer, seed) => {
    setKey(tracer, seed, 32);
    tracer.put("DATA", secret(seed, "data", length), 8);
    tracer.call(name, 0, length);
  },
}));

/** Wraps, then unwraps what was wrapped: the outcome is the same for every seed. */
const unwraps: Case[] = [
  ["kwWrap", "kwUnwrap", 40] as const,
  ["kwpWrap", "kwpUnwrap", 5] as const,
  ["kwpWrap", "kwpUnwrap", 61] as const,
].map(([wrap, unwrap, length]) => ({
  name: `${unwrap} of ${length} bytes`,
  exports: [unwrap],
  run: (tracer, seed) => {
    setKey(tracer, seed, 24);
    tracer.put("DATA", secret(seed, "data", length), 8);
    tracer.call(unwrap, 0, tracer.call(wrap, 0, length));
  },
}));

/** Bytes from one message to the next, as assembly/key-wrap-lanes.ts has it. */
export const laneStride = (length: number): number => 16 + ((length + 15) & ~15);

const lanes: Case[] = [
  [1, 9],
  [3, 40],
  [4, 16],
  [5, 24],
  [8, 33],
  [19, 17],
].map(([count = 0, length = 0]) => ({
  name: `${count} messages of ${length} bytes in lanes`,
  exports: ["kwpWrapLanes", "kwpUnwrapLanes"],
  run: (tracer, seed) => {
    setKey(tracer, seed, 16);
    for (let i = 0; i < count; i++) {
      tracer.put("DATA", secret(seed, `data${i}`, length), i * laneStride(length) + 8);
    }
    const wrapped = tracer.call("kwpWrapLanes", 0, count, length);
    tracer.call("kwpUnwrapLanes", 0, count, wrapped, 0);
    tracer.call("kwpWrapLanes", 0, count, length);
    tracer.call("kwpUnwrapLanes", 0, count, wrapped, 0xffffffff);
  },
}));

const hashes: Case[] = [28, 32, 48, 64].flatMap((algorithm): Case[] => [
  {
    name: `SHA-${algorithm * 8}`,
    exports: ["hashOnce", "hashOpen", "hashUpdate", "hashPeek", "hashDigest", "hashClose"],
    run: (tracer, seed) => {
      tracer.put("DATA", secret(seed, "data", 300));
      tracer.call("hashOnce", algorithm, 300);
      tracer.call("hashOpen", 0, algorithm);
      tracer.call("hashUpdate", 0, 77);
      tracer.call("hashPeek", 0);
      tracer.call("hashUpdate", 0, 200);
      tracer.call("hashDigest", 0);
      tracer.call("hashClose", 0);
    },
  },
  ...[20, 100, 128].map((keyBytes) => ({
    name: `HMAC-SHA-${algorithm * 8}, key of ${keyBytes} bytes`,
    exports: ["hmacOnce", "hmacOpen"],
    run: (tracer: Tracer, seed: number) => {
      tracer.put("KEY", secret(seed, "key", keyBytes));
      tracer.put("DATA", secret(seed, "data", 150));
      tracer.call("hmacOnce", algorithm, keyBytes, 150);
      tracer.put("KEY", secret(seed, "other", keyBytes));
      tracer.call("hmacOpen", 1, algorithm, keyBytes);
      tracer.call("hashUpdate", 1, 150);
      tracer.call("hashPeek", 1);
      tracer.call("hashDigest", 1);
    },
  })),
]);

const macs: Case[] = [0, 16, 41].map((length) => ({
  name: `AES-CMAC of ${length} bytes`,
  exports: ["aesCmac"],
  run: (tracer, seed) => {
    setKey(tracer, seed, 32);
    tracer.put("DATA", secret(seed, "data", length));
    tracer.call("aesCmac", 0, length);
  },
}));

const kdfs: Case[] = [16, 28, 32, 48, 64].map((prf) => ({
  name: `counter KDF, PRF of ${prf} bytes`,
  exports: ["kdfCounter"],
  run: (tracer, seed) => {
    tracer.put("KEY", secret(seed, "key", 32));
    tracer.put("DATA", secret(seed, "context", 70));
    tracer.call("kdfCounter", prf, 32, 70, 4, 4, 100);
  },
}));

const others: Case[] = [
  {
    name: "equalBytes of equal bytes",
    exports: ["equalBytes"],
    run: (tracer, seed) => {
      tracer.put("DATA", secret(seed, "data", 33));
      tracer.put("DATA", secret(seed, "data", 33), 33);
      tracer.call("equalBytes", 33);
    },
  },
  {
    name: "wipe",
    exports: ["wipe", "wipePassing"],
    run: (tracer, seed) => {
      setKey(tracer, seed, 32);
      tracer.put("DATA", secret(seed, "data", 100));
      tracer.call("wipePassing", 100);
      tracer.call("wipe");
    },
  },
];

export const CASES: readonly Case[] = [
  ...blocks,
  ...wraps,
  ...unwraps,
  ...lanes,
  ...hashes,
  ...macs,
  ...kdfs,
  ...others,
];
