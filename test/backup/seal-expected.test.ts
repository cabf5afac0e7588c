/** A reader that knows its backup to be sealed takes nothing else: FORMAT.md §3.5, §9. */
import { describe, expect, it } from "vitest";
import { memoryFile } from "../../src/backup/file.ts";
import { restoreBackup } from "../../src/backup/restore.ts";
import type { Expectation } from "../../src/backup/sealed.ts";
import { restoreFile, verifyBackup } from "../../src/backup/verify.ts";
import { loadCore } from "../lib/core.ts";
import { LOCATION, sealedBackup, subtle, TestStaging, testKms, testRing } from "./fixtures.ts";
import { join } from "./vectors/forge.ts";

const core = await loadCore();
const platform = { core, subtle };
const openers = { kms: testKms(), recoveryKeys: [] };
const { store, created } = await sealedBackup(core, "seal expected");
const bare = join(created.keyBlock, store.container);

const refusal = (code: string) => ({ fault: { code } });

describe("a bare file", () => {
  const verify = (bytes: Uint8Array, expected?: Expectation) =>
    verifyBackup(platform, testRing(), openers, memoryFile(bytes), expected ? { expected } : {});

  it.each<[string, Expectation]>([
    ["a place", { location: LOCATION }],
    ["a seal", { sealed: true }],
  ])("is refused where %s is expected, and a sealed one is not", async (_, expected) => {
    await expect(verify(bare, expected)).rejects.toMatchObject(refusal("seal_missing"));
    expect(await verify(store.file, expected)).toMatchObject({ location: LOCATION });
  });

  it("is read where neither is expected", async () => {
    expect(await verify(bare)).toMatchObject({ location: null });
    const { backupId, clusterId } = LOCATION;
    expect(await verify(bare, { backupId, clusterId })).toMatchObject({ location: null });
  });

  it("is refused before its version is looked at, and only once its kind is known", async () => {
    const newer = bare.slice();
    newer[9] = 2;
    const sealed = { sealed: true } as const;
    await expect(verify(newer, sealed)).rejects.toMatchObject(refusal("seal_missing"));
    await expect(verify(newer)).rejects.toMatchObject(refusal("newer_version"));
    await expect(verify(bare.subarray(0, 8), sealed)).rejects.toMatchObject(
      refusal("seal_missing"),
    );
    for (const length of [0, 3, 7]) {
      const front = bare.subarray(0, length);
      await expect(verify(front, sealed)).rejects.toMatchObject(refusal("truncated"));
    }
    await expect(verify(bare.subarray(1), sealed)).rejects.toMatchObject(refusal("not_ours"));
  });

  it("that took the place of a sealed one between two readings is refused", async () => {
    let reads = 0;
    const sealed = memoryFile(store.file);
    const file = {
      byteLength: store.file.length,
      read: async (offset: number, length: number) => {
        const front = offset === 0 ? ++reads : reads;
        return await (front < 2 ? sealed : memoryFile(bare)).read(offset, length);
      },
    };
    const staging = new TestStaging();
    const expected = { location: LOCATION };
    await expect(
      restoreFile(platform, testRing(), openers, file, staging, { expected }),
    ).rejects.toMatchObject(refusal("seal_missing"));
    expect(staging.committed).toBeNull();
  });
});

describe("a stored envelope", () => {
  const restore = (envelope: Uint8Array) =>
    restoreBackup(
      platform,
      testRing(),
      openers,
      { envelope, body: [store.body], bodyBytes: store.body.length },
      new TestStaging(),
    );

  it("that is a bare file is told as one without a seal", async () => {
    await expect(restore(bare)).rejects.toMatchObject(refusal("seal_missing"));
    await expect(restore(bare.subarray(0, 7))).rejects.toMatchObject(refusal("truncated"));
  });

  it("that goes on behind its end is told so before its clear part is read", async () => {
    const longer = join(store.envelope, Uint8Array.of(0));
    longer[16] = 0xff;
    await expect(restore(longer)).rejects.toMatchObject({
      fault: { code: "trailing_data", part: "envelope", expectedBytes: store.envelope.length },
    });
  });
});
