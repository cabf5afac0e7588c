import { describe, expect, it } from "vitest";
import { BackupError } from "../../src/backup/format/errors.ts";
import { restoreBackup } from "../../src/backup/restore.ts";
import { core, damageable, flipped, reader, SEALED_RECORDS, seal, testFlips } from "./damage.ts";
import { LOCATION, subtle, TestStaging } from "./fixtures.ts";
import { join } from "./vectors/forge.ts";

describe("the body of a sealed file", () => {
  testFlips(damageable("sealed"), (part) => part === "body");
});

describe("a restore from a stream", () => {
  const { ring, openers } = reader;

  async function restore(envelope: Uint8Array, body: Uint8Array[]) {
    const staging = new TestStaging();
    // As long as the store believes, whatever it gives.
    const stored = { envelope, body, bodyBytes: seal.body.length };
    const options = { expected: { location: LOCATION } };
    let code: string | null = null;
    try {
      await restoreBackup({ core, subtle }, ring, openers, stored, staging, options);
    } catch (error) {
      if (!(error instanceof BackupError)) throw error;
      code = error.fault.code;
    }
    return { code, staging };
  }

  it("of a body with a bit flipped commits nothing and discards what was staged", async () => {
    for (let at = 0; at < seal.body.length; at++) {
      const { code, staging } = await restore(seal.envelope, [flipped(seal.body, at, at % 8)]);
      expect(code).toBe("body_damaged");
      expect(staging.committed).toBeNull();
      expect(staging.discarded).toBe(true);
    }
  });

  it("of a body cut anywhere commits nothing", async () => {
    for (let length = 0; length < seal.body.length; length++) {
      const { code, staging } = await restore(seal.envelope, [seal.body.subarray(0, length)]);
      expect(code).toBe("truncated");
      expect(staging.committed).toBeNull();
      expect(staging.discarded).toBe(true);
    }
  });

  it("of a whole body commits once", async () => {
    const { code, staging } = await restore(seal.envelope, [seal.body]);
    expect(code).toBeNull();
    expect(staging.committed).not.toBeNull();
    expect(staging.discarded).toBe(false);
    expect(staging.records).toEqual(SEALED_RECORDS);
  });

  it("whose envelope goes on after its end is refused", async () => {
    const { code } = await restore(join(seal.envelope, Uint8Array.of(0)), [seal.body]);
    expect(code).toBe("trailing_data");
  });
});
