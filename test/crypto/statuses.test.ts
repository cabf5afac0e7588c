import { describe, expect, it } from "vitest";
import { coreModule } from "../lib/core.ts";
import { sample } from "./sample.ts";

// assembly/status.ts.
const BAD_LENGTH = -1;
const BAD_SLOT = -2;
const BAD_ALGORITHM = -4;
const MIB = 1024 * 1024;
const HUGE = 2 ** 32 - 1;

/** Calls that are refused before anything is touched: name, parameters, status. */
const REFUSED_CALLS: [name: string, parameters: number[], status: number][] = [
  ...[-1, 64, 65, 2 ** 31 - 1, -(2 ** 31)].flatMap((slot): [string, number[], number][] => [
    ["aesSetKey", [slot, 32], BAD_SLOT],
    ["aesClearKey", [slot], BAD_SLOT],
    ["aesEncryptBlocks", [slot, 16], BAD_SLOT],
    ["aesDecryptBlocks", [slot, 16], BAD_SLOT],
    ["kwWrap", [slot, 16], BAD_SLOT],
    ["kwUnwrap", [slot, 24], BAD_SLOT],
    ["kwpWrap", [slot, 16], BAD_SLOT],
    ["kwpUnwrap", [slot, 24], BAD_SLOT],
    ["kwpWrapLanes", [slot, 4, 16], BAD_SLOT],
    ["kwpUnwrapLanes", [slot, 4, 24, 16], BAD_SLOT],
    ["aesCmac", [slot, 16], BAD_SLOT],
    ["hashOpen", [slot, 32], BAD_SLOT],
    ["hmacOpen", [slot, 32, 32], BAD_SLOT],
    ["hashUpdate", [slot, 1], BAD_SLOT],
    ["hashPeek", [slot], BAD_SLOT],
    ["hashDigest", [slot], BAD_SLOT],
    ["hashClose", [slot], BAD_SLOT],
  ]),
  // Slot 1 holds nothing.
  ["kwpWrap", [1, 16], BAD_SLOT],
  ["aesCmac", [1, 16], BAD_SLOT],
  ["hashUpdate", [1, 1], BAD_SLOT],
  ["hashPeek", [1], BAD_SLOT],
  ["hashDigest", [1], BAD_SLOT],
  ...[0, 8, 15, 17, 31, 33, HUGE].map((n): [string, number[], number] => [
    "aesSetKey",
    [0, n],
    BAD_LENGTH,
  ]),
  ...[1, 15, 17, MIB + 80, HUGE, 2 ** 32 - 16].flatMap((n): [string, number[], number][] => [
    ["aesEncryptBlocks", [0, n], BAD_LENGTH],
    ["aesDecryptBlocks", [0, n], BAD_LENGTH],
  ]),
  ...[0, 8, 15, 17, MIB + 1, MIB + 8, 2 ** 31, 2 ** 32 - 8].map((n): [string, number[], number] => [
    "kwWrap",
    [0, n],
    BAD_LENGTH,
  ]),
  ...[0, 8, 16, 23, 25, MIB + 9, MIB + 16, 2 ** 32 - 8].map((n): [string, number[], number] => [
    "kwUnwrap",
    [0, n],
    BAD_LENGTH,
  ]),
  ...[0, MIB + 1, 2 ** 31, HUGE].map((n): [string, number[], number] => [
    "kwpWrap",
    [0, n],
    BAD_LENGTH,
  ]),
  ...[0, 8, 15, 17, MIB + 9, MIB + 16, 2 ** 32 - 8].map((n): [string, number[], number] => [
    "kwpUnwrap",
    [0, n],
    BAD_LENGTH,
  ]),
  ...[
    [0, 16],
    [33, 16],
    [HUGE, 16],
    [4, 0],
    [4, 8],
    [4, MIB / 4 + 1],
    [5, MIB / 8],
    [32, MIB / 32],
    [32, HUGE],
    [32, 2 ** 27],
    [8, 2 ** 29 + 16],
  ].flatMap(([count = 0, n = 0]): [string, number[], number][] => [
    ["kwpWrapLanes", [0, count, n], BAD_LENGTH],
    ["kwpUnwrapLanes", [0, count, n + 8, n], BAD_LENGTH],
  ]),
  ["kwpUnwrapLanes", [0, 4, 25, 17], BAD_LENGTH],
  ["aesCmac", [0, MIB + 65], BAD_LENGTH],
  ["hashUpdate", [0, MIB + 65], BAD_LENGTH],
  ["hashOnce", [32, MIB + 65], BAD_LENGTH],
  ["hmacOnce", [32, 129, 1], BAD_LENGTH],
  ["hmacOnce", [32, 32, MIB + 65], BAD_LENGTH],
  ["hmacOpen", [0, 32, 129], BAD_LENGTH],
  ["equalBytes", [MIB / 2 + 33], BAD_LENGTH],
  ["equalBytes", [2 ** 31], BAD_LENGTH],
  ...[0, 1, 16, 20, 31, 33, 63, 65, HUGE].flatMap((hash): [string, number[], number][] => [
    ["hashOnce", [hash, 1], BAD_ALGORITHM],
    ["hmacOnce", [hash, 32, 1], BAD_ALGORITHM],
    ["hashOpen", [0, hash], BAD_ALGORITHM],
    ["hmacOpen", [0, hash, 32], BAD_ALGORITHM],
  ]),
  ["kdfCounter", [20, 32, 40, 0, 4, 32], BAD_ALGORITHM],
  ["kdfCounter", [32, 32, 40, 0, 0, 32], BAD_ALGORITHM],
  ["kdfCounter", [32, 32, 40, 0, 5, 32], BAD_ALGORITHM],
  ["kdfCounter", [32, 0, 40, 0, 4, 32], BAD_LENGTH],
  ["kdfCounter", [32, 129, 40, 0, 4, 32], BAD_LENGTH],
  ["kdfCounter", [16, 20, 40, 0, 4, 32], BAD_LENGTH],
  ["kdfCounter", [32, 32, 40, 37, 4, 32], BAD_LENGTH],
  ["kdfCounter", [32, 32, 40, HUGE, 4, 32], BAD_LENGTH],
  ["kdfCounter", [32, 32, 3, 0, 4, 32], BAD_LENGTH],
  ["kdfCounter", [32, 32, MIB / 2 + 1, 0, 4, 32], BAD_LENGTH],
  ["kdfCounter", [32, 32, 40, 0, 4, 0], BAD_LENGTH],
  ["kdfCounter", [32, 32, 40, 0, 4, MIB / 2 + 1], BAD_LENGTH],
  ["kdfCounter", [32, 32, 40, 0, 1, 255 * 32 + 1], BAD_LENGTH],
  ["kdfCounter", [16, 16, 40, 0, 1, 255 * 16 + 1], BAD_LENGTH],
];

describe("an export checks before it acts", () => {
  const { exports } = new WebAssembly.Instance(coreModule(), {});
  const call = (name: string, ...parameters: number[]): number =>
    (exports[name] as (...parameters: number[]) => number)(...parameters);
  const memory = new Uint8Array((exports["memory"] as WebAssembly.Memory).buffer);
  const key = (exports["KEY"] as WebAssembly.Global).value as number;
  memory.set(sample("key", 32), key);
  call("aesSetKey", 0, 32);
  call("hashOpen", 0, 32);
  memory.set(sample("key", 128), key);
  const before = memory.slice();

  it.each(REFUSED_CALLS)("%s(%j) gives %i and touches nothing", (name, parameters, status) => {
    expect(call(name, ...parameters)).toBe(status);
    expect(Buffer.compare(memory, before)).toBe(0);
  });

  it.each([
    ["aesEncryptBlocks", [0, 0], 0],
    ["aesEncryptBlocks", [0, MIB + 64], 0],
    ["aesCmac", [0, MIB + 64], 16],
    ["hashOnce", [64, MIB + 64], 64],
    ["equalBytes", [MIB / 2 + 32], 1],
    ["kwpWrapLanes", [0, 4, MIB / 4], MIB / 4 + 8],
    ["kwpWrapLanes", [0, 32, MIB / 32 - 16], MIB / 32 - 8],
    ["kwpWrapLanes", [0, 1, 9], 24],
    ["kdfCounter", [32, 128, MIB / 2, MIB / 2 - 4, 4, 32], 32],
  ] as const)("%s(%j) at the limit gives %i", (name, parameters, status) => {
    call("wipe");
    memory.set(sample("key", 128), key);
    call("aesSetKey", 0, 32);
    memory.set(sample("key", 128), key);
    expect(call(name, ...parameters)).toBe(status);
  });
});
