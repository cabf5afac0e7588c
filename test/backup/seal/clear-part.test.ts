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
    [4, ["account", "region", "cluster", "backup"]],
    [5, [KMS, RECOVERY]],
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
    ["as it should be", 5, [KMS, RECOVERY]],
    ["for one alone", 5, [RECOVERY]],
    ["for two keys of a KMS", 5, [KMS, [1, "other", new Uint8Array(1)]]],
    ["for two keys of one name and different kinds", 5, [[1, RECOVERY[1], KMS[2]], RECOVERY]],
    ["with a place that begins with a byte order mark", 4, ["\ufeffa", "r", "c", "b"]],
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
    ["a place of three texts", 4, ["a", "r", "c"]],
    ["a place of five texts", 4, ["a", "r", "c", "b", "x"]],
    ["a place whose texts stand in arrays", 4, [["a"], ["r"], ["c"], ["b"]]],
    ["a place that is one text", 4, "account"],
    ["no recipient", 5, []],
    ["nine recipients", 5, Array.from({ length: 9 }, (_, i) => [1, `k${i}`, KMS[2]])],
    ["a recipient without a wrap", 5, [[1, "cmk"]]],
    ["a recipient of five items", 5, [[...KMS, 0, 0]]],
    ["a recipient that is no array", 5, [1]],
    ["a recipient of kind 0", 5, [[0, "cmk", KMS[2]]]],
    ["a recipient without a name", 5, [[1, "", KMS[2]]]],
    ["a recipient with an empty wrap", 5, [[1, "cmk", new Uint8Array(0)]]],
    ["the same recipient twice", 5, [KMS, RECOVERY, KMS]],
    ["two wraps for one key", 5, [KMS, [1, "cmk", new Uint8Array(62)]]],
    ["a wrap of 383 bytes for a recovery key", 5, [[2, RECOVERY[1], new Uint8Array(383)]]],
    ["a wrap of 385 bytes for a recovery key", 5, [[2, RECOVERY[1], new Uint8Array(385)]]],
    ["a sixth key", 6, 0],
  ])("with %s is damaged", (_, key, value) => {
    expect(faultWith(key, value)).toMatchObject({ code: "envelope_damaged" });
  });

  it.each([0x81, 0xa1, 0x9f, 0x5b, 0x7b, 0xc0])(
    "that is 16 KiB of %i is damaged, and nothing worse",
    (byte) => {
      const noise = new Uint8Array(16_384).fill(byte);
      const behindAMap = join(Uint8Array.of(0xa5, 0x01), noise.subarray(2));
      for (const clear of [noise, behindAMap]) {
        expect(faultOf(() => decodeEnvelope(envelopeOf(clear)))).toMatchObject({
          code: "envelope_damaged",
        });
      }
    },
  );
});
