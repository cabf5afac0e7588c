/**
 * Input that was made to hurt: records of a wrong form, noise, deep nesting, huge announcements.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openHeader } from "../../src/backup/container/front.ts";
import { decodeHeader } from "../../src/backup/container/header.ts";
import { decodeKeyBlock } from "../../src/backup/container/key-block.ts";
import { readContainer } from "../../src/backup/container/reader.ts";
import { recordFlaw } from "../../src/backup/container/record-form.ts";
import { memoryFile } from "../../src/backup/file.ts";
import { encodeCbor } from "../../src/backup/format/cbor.ts";
import { BackupError } from "../../src/backup/format/errors.ts";
import {
  CONTAINER_MAGIC,
  ENVELOPE_MAGIC,
  KEY_BLOCK_MAGIC,
} from "../../src/backup/format/layout.ts";
import { peekBackup } from "../../src/backup/inspect.ts";
import { decodeEnvelope } from "../../src/backup/seal/envelope.ts";
import type { Core } from "../../src/crypto/core.ts";
import { loadCore } from "../lib/core.ts";
import { SMALL_MEMORY, testRing } from "./fixtures.ts";
import { forge, forgeSeal, join, u32 } from "./vectors/forge.ts";
import { FAULT_MEMORY } from "./vectors/maker.ts";

const core: Core = await loadCore();
const ring = testRing();
const forged = forge(core, { records: FAULT_MEMORY });
const VERSION_1 = Uint8Array.of(0, 1, 0, 0);

/** Refusals are `BackupError`; anything else fails the test. */
function isRefused(f: () => unknown): boolean {
  try {
    f();
    return false;
  } catch (error) {
    if (error instanceof BackupError) return true;
    throw error;
  }
}

describe("the form of a record", () => {
  const nested = (depth: number): Uint8Array => {
    const arrays = Array.from({ length: depth }, () => 0x81);
    return Uint8Array.from([0x82, 0xa1, 0x01, ...arrays, 0x00, 0x40]);
  };

  it.each([
    ["the smallest", [0x82, 0xa0, 0x40]],
    [
      "integers, text, bytes, arrays, maps",
      [
        0x82,
        ...encodeCbor(
          new Map<number, never>([
            [1, 5],
            [2, "t"],
            [3, Uint8Array.of(1)],
            [4, [1, -1]],
            [24, true],
          ] as never),
        ),
        0x41,
        7,
      ],
    ],
    ["as deep as allowed", [...nested(7)]],
  ])("%s is accepted", (_, bytes) => {
    expect(recordFlaw(Uint8Array.from(bytes))).toBeNull();
  });

  it.each([
    ["nothing", []],
    ["an array of three", [0x83, 0xa0, 0x40, 0x40]],
    ["no map", [0x82, 0x80, 0x40]],
    ["no secret part", [0x82, 0xa0]],
    ["text as its secret part", [0x82, 0xa0, 0x60]],
    ["a byte too many", [0x82, 0xa0, 0x40, 0x00]],
    ["a byte too few", [0x82, 0xa0, 0x42, 0x00]],
    ["keys out of order", [0x82, 0xa2, 2, 0, 1, 0, 0x40]],
    ["a key twice", [0x82, 0xa2, 1, 0, 1, 0, 0x40]],
    ["a key that is text", [0x82, 0xa1, 0x61, 0x61, 0, 0x40]],
    ["an integer in a longer form", [0x82, 0xa1, 1, 0x18, 23, 0x40]],
    ["a length in a longer form", [0x82, 0xa0, 0x58, 1, 0]],
    ["an indefinite length", [0x82, 0xbf, 0xff, 0x40]],
    ["a tag", [0x82, 0xa1, 1, 0xc0, 0, 0x40]],
    ["a half float", [0x82, 0xa1, 1, 0xf9, 0x3c, 0, 0x40]],
    ["undefined", [0x82, 0xa1, 1, 0xf7, 0x40]],
    ["more pairs than bytes", [0x82, 0xbb, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x40]],
    ["an integer beyond 2^53", [0x82, 0xa1, 1, 0x1b, 0, 0x20, 0, 0, 0, 0, 0, 0, 0x40]],
    ["one level too deep", [...nested(8)]],
  ])("%s is refused", (_, bytes) => {
    expect(recordFlaw(Uint8Array.from(bytes))).not.toBeNull();
  });
});

describe("a decoder", () => {
  const nesting = (depth: number) => new Uint8Array(depth).fill(0x81);

  it("refuses noise behind a right front, and throws nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        const clear = join(
          ENVELOPE_MAGIC,
          VERSION_1,
          u32(noise.length),
          noise,
          new Uint8Array(204),
        );
        const front = join(
          CONTAINER_MAGIC,
          VERSION_1,
          u32(noise.length),
          noise,
          new Uint8Array(32),
        );
        const keyBlock = join(KEY_BLOCK_MAGIC, Uint8Array.of(0, 1, 0, 1, 0, 0, 0, 0), noise);
        expect(isRefused(() => decodeEnvelope(clear))).toBe(true);
        expect(isRefused(() => decodeHeader(noise))).toBe(true);
        expect(isRefused(() => openHeader(core, ring, forged.keyBlock, front))).toBe(true);
        isRefused(() => decodeKeyBlock(keyBlock.subarray(0, 176)));
      }),
      { numRuns: 500 },
    );
  });

  it("refuses maps and arrays nested as deep as the limits allow", () => {
    const clear = nesting(16_384);
    const envelope = join(ENVELOPE_MAGIC, VERSION_1, u32(clear.length), clear, new Uint8Array(204));
    expect(isRefused(() => decodeEnvelope(envelope))).toBe(true);
    expect(isRefused(() => decodeHeader(nesting(4096)))).toBe(true);
    expect(isRefused(() => decodeHeader(new Uint8Array(4096).fill(0xa1)))).toBe(true);
    expect(isRefused(() => decodeHeader(join(Uint8Array.of(0xad, 1), nesting(4094))))).toBe(true);
  });

  it("refuses lengths that are announced and not there", () => {
    const huge = Uint8Array.of(0xad, 1, 0x7b, 0, 0, 0, 1, 0, 0, 0, 0);
    expect(isRefused(() => decodeHeader(huge))).toBe(true);
  });

  it("tells hints of any file, or refuses it", async () => {
    const { file } = await forgeSeal(core, forged);
    for (const whole of [join(forged.keyBlock, forged.container), file]) {
      for (let at = 0; at < 400; at++) {
        const changed = whole.slice();
        changed[at] = (changed[at] ?? 0) ^ 0xff;
        await peekBackup(memoryFile(changed)).catch((error) => {
          expect(error).toBeInstanceOf(BackupError);
        });
      }
    }
  });
});

describe("a reader", () => {
  it("wipes every record's bytes once the sink has had them", () => {
    const { keyBlock, container } = forge(core, { records: SMALL_MEMORY });
    const lent: Uint8Array[] = [];
    const sink = { put: ({ bytes }: { bytes: Uint8Array }) => lent.push(bytes) };
    for (const size of [1, 700, container.length]) {
      const pieces = Array.from({ length: Math.ceil(container.length / size) }, (_, i) =>
        container.subarray(i * size, (i + 1) * size),
      );
      readContainer(core, ring, keyBlock, pieces, sink);
    }
    expect(lent.length).toBe(3 * SMALL_MEMORY.length);
    for (const bytes of lent) expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  it("wipes what it held when the sink refuses a record", () => {
    const { keyBlock, container } = forge(core, { records: SMALL_MEMORY });
    const lent: Uint8Array[] = [];
    const sink = {
      put: ({ bytes }: { bytes: Uint8Array }) => {
        lent.push(bytes);
        if (lent.length === 6) throw new TypeError("refused by the sink");
      },
    };
    expect(() => readContainer(core, ring, keyBlock, [container], sink)).toThrow("by the sink");
    for (const bytes of lent) expect(bytes.every((byte) => byte === 0)).toBe(true);
  });
});
