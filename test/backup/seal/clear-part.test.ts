/** The clear part of an envelope, read before any key is asked: FORMAT.md §7.3. */
import { encode, rfc8949EncodeOptions } from "cborg";
import { describe, expect, it } from "vitest";
import { ENVELOPE_MAGIC } from "../../../src/backup/format/layout.ts";
import { sealedBodyBytes } from "../../../src/backup/seal/body.ts";
import { decodeEnvelope } from "../../../src/backup/seal/envelope.ts";
import { faultOf } from "../fixtures.ts";
import { join, u32 } from "../vectors/forge.ts";

const KMS = [1, "cmk", new Uint8Array(61)];
const RECOVERY = [2, "ab".repeat(16), new Uint8Array(384)];

function clearMap(): Map<number, unknown> {
  return new Map<number, unknown>([
    [1, new Uint8Array(16)],
    [2, sealedBodyBytes(161)],
    [3, new Uint8Array(32)],
    [4, new Uint8Array(32)],
    [5, new Uint8Array(32)],
    [6, 1],
    [7, ["account", "region", "cluster", "backup"]],
    [8, [KMS, RECOVERY]],
  ]);
}

function envelopeOf(clear: Uint8Array): Uint8Array {
  const front = [ENVELOPE_MAGIC, Uint8Array.of(0, 1, 0, 0), u32(clear.length)];
  return join(...front, clear, new Uint8Array(204));
}

function faultWith(key: number, value: unknown) {
  const clear = encode(clearMap().set(key, value), rfc8949EncodeOptions);
  return faultOf(() => decodeEnvelope(envelopeOf(clear)));
}

describe("a clear part", () => {
  it.each([
    ["as it should be", 8, [KMS, RECOVERY]],
    ["of the last envelope", 6, 2 ** 32 - 1],
    ["for a kind that nobody knows beside another", 8, [[4, "x", new Uint8Array(1)], KMS]],
    ["for a kind that nobody knows alone", 8, [[65_535, "x", new Uint8Array(6144)]]],
    ["for one alone", 8, [RECOVERY]],
    ["for two keys of a KMS", 8, [KMS, [1, "other", new Uint8Array(1)]]],
    ["for two keys of one name and different kinds", 8, [[1, RECOVERY[1], KMS[2]], RECOVERY]],
    ["with a place that begins with a byte order mark", 7, ["\ufeffa", "r", "c", "b"]],
    ["of the shortest container", 2, 177],
    ["of the longest container", 2, 2_215_137_376],
  ])("%s is read", (_, key, value) => {
    expect(faultWith(key, value)).toBeNull();
  });

  it.each([
    ["a seal id of another length", 1, new Uint8Array(15)],
    ["a body that is too short for a container", 2, 176],
    ["a body that is too long for a container", 2, 2_215_137_377],
    ["a body that no container gives", 2, 65_553 + 15],
    ["a body digest of another length", 3, new Uint8Array(31)],
    ["a container digest of another length", 4, new Uint8Array(33)],
    ["a commitment of another length", 5, new Uint8Array(16)],
    ["an envelope number of 0", 6, 0],
    ["an envelope number above 32 bits", 6, 2 ** 32],
    ["a KMS outside a deployment", 7, ["cluster", "backup"]],
    ["a recipient of kind 65,536", 8, [[65_536, "x", KMS[2]]]],
    ["a place of three texts", 7, ["a", "r", "c"]],
    ["a place of five texts", 7, ["a", "r", "c", "b", "x"]],
    ["a place whose texts stand in arrays", 7, [["a"], ["r"], ["c"], ["b"]]],
    ["a place that is one text", 7, "account"],
    ["no recipient", 8, []],
    ["nine recipients", 8, Array.from({ length: 9 }, (_, i) => [1, `k${i}`, KMS[2]])],
    ["a recipient without a wrap", 8, [[1, "cmk"]]],
    ["a recipient of five items", 8, [[...KMS, 0, 0]]],
    ["a recipient that is no array", 8, [1]],
    ["a recipient of kind 0", 8, [[0, "cmk", KMS[2]]]],
    ["a recipient without a name", 8, [[1, "", KMS[2]]]],
    ["a recipient with an empty wrap", 8, [[1, "cmk", new Uint8Array(0)]]],
    ["the same recipient twice", 8, [KMS, RECOVERY, KMS]],
    ["two wraps for one key", 8, [KMS, [1, "cmk", new Uint8Array(62)]]],
    ["a wrap of 383 bytes for a recovery key", 8, [[2, RECOVERY[1], new Uint8Array(383)]]],
    ["a wrap of 385 bytes for a recovery key", 8, [[2, RECOVERY[1], new Uint8Array(385)]]],
    ["a ninth key", 9, 0],
  ])("with %s is damaged", (_, key, value) => {
    expect(faultWith(key, value)).toMatchObject({ code: "envelope_damaged" });
  });

  it.each([0x81, 0xa1, 0x9f, 0x5b, 0x7b, 0xc0])(
    "that is 32 KiB of %i is damaged, and nothing worse",
    (byte) => {
      const noise = new Uint8Array(32_768).fill(byte);
      const behindAMap = join(Uint8Array.of(0xa8, 0x01), noise.subarray(2));
      for (const clear of [noise, behindAMap]) {
        expect(faultOf(() => decodeEnvelope(envelopeOf(clear)))).toMatchObject({
          code: "envelope_damaged",
        });
      }
    },
  );
});
