/** Key blocks: which rings open one, and its wrap under new keys. FORMAT.md §3.3, §6.1. */
import { describe, expect, it } from "vitest";
import { rewrapKeyBlock, unwrapKeyBlock } from "../../../src/backup/container/key-block.ts";
import { memoryFile } from "../../../src/backup/file.ts";
import type { Keyring, KeyVersion } from "../../../src/backup/format/keys.ts";
import { verifyBackup } from "../../../src/backup/verify.ts";
import type { Core } from "../../../src/crypto/core.ts";
import { loadCore } from "../../lib/core.ts";
import { faultOf, hex, keyVersion, SMALL_MEMORY, subtle, testRing } from "../fixtures.ts";
import { forge, join } from "../vectors/forge.ts";

const core: Core = await loadCore();
const ring = testRing();

describe("a key block", () => {
  const forged = forge(core, { records: SMALL_MEMORY });

  it("is unwrapped by a ring in which its keys are retired", () => {
    const retired = (keys: readonly KeyVersion[]) =>
      keys.map((key) => ({ ...key, state: "retired" as const }));
    const old: Keyring = { ...ring, mkbk: retired(ring.mkbk), akbk: retired(ring.akbk) };
    using keys = unwrapKeyBlock(core, old, forged.keyBlock).keys;
    expect(hex(keys.ebk.use((held) => held.slice()))).toBe(hex(forged.ebk));
  });

  it("is wrapped under new keys without a change to its container", async () => {
    const mkbk = [...ring.mkbk, keyVersion(50, "active", "mkbk")];
    const akbk = [...ring.akbk, keyVersion(60, "active", "akbk")];
    const rotated: Keyring = { ...ring, mkbk, akbk };
    const keyBlock = rewrapKeyBlock(core, rotated, forged.keyBlock);
    const file = memoryFile(join(keyBlock, forged.container));
    const nothing = { kms: null, recoveryKeys: [] };
    const onlyNew: Keyring = { ...ring, mkbk: mkbk.slice(-1), akbk: akbk.slice(-1) };
    const verified = await verifyBackup({ core, subtle }, onlyNew, nothing, file);
    expect(verified.recordCount).toBe(SMALL_MEMORY.length);
    expect(faultOf(() => unwrapKeyBlock(core, ring, keyBlock))?.code).toBe("key_mismatch");
  });
});
