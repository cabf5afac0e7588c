/** The local KMS: which CMK wraps, and what the others still open. FORMAT.md §7.4. */
import { describe, expect, it } from "vitest";
import { BackupError } from "../../../src/backup/format/errors.ts";
import { type CustomerKey, localKms } from "../../../src/backup/seal/kms.ts";
import type { EncryptionContext } from "../../../src/backup/seal/location.ts";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { counterRandom, subtle, testKms } from "../fixtures.ts";
import { join } from "../vectors/forge.ts";

const CONTEXT: EncryptionContext = [["backup", "backup-aaaaaaaaaaa"]];
const random = counterRandom("kms");

function cmk(id: string, state: CustomerKey["state"], hasKey = true): CustomerKey {
  return { id, state, key: hasKey ? new SecretKey(new Uint8Array(32).fill(id.length)) : null };
}

function kmsOf(...keys: CustomerKey[]) {
  return localKms(subtle, random, keys);
}

describe("the local KMS", () => {
  it("wraps under the first active CMK that has its key", () => {
    const kms = kmsOf(
      cmk("destroyed", "destroyed", false),
      cmk("lost", "active", false),
      cmk("retired", "retired"),
      cmk("current", "active"),
      cmk("later", "active"),
    );
    expect(kms.keyId).toBe("current");
  });

  it("opens and makes nothing without an active CMK", async () => {
    const { dataKey, wrapped } = await kmsOf(cmk("old", "active")).generateDataKey(CONTEXT);
    const kms = kmsOf(cmk("lost", "active", false), cmk("old", "retired"));
    expect(kms.keyId).toBeNull();
    const opened = await kms.unwrap("old", wrapped, CONTEXT);
    expect(opened.use((bytes) => [...bytes])).toEqual(dataKey.use((bytes) => [...bytes]));
    for (const make of [() => kms.generateDataKey(CONTEXT), () => kms.wrap(dataKey, CONTEXT)]) {
      await expect(make()).rejects.toMatchObject({ fault: { code: "key_inactive", which: "cmk" } });
    }
    await expect(kmsOf().generateDataKey(CONTEXT)).rejects.toBeInstanceOf(BackupError);
  });

  it("opens under a retired CMK what was wrapped when it was active", async () => {
    const { dataKey, wrapped } = await kmsOf(cmk("old", "active")).generateDataKey(CONTEXT);
    const kms = kmsOf(cmk("old", "retired"), cmk("new-one", "active"));
    const opened = await kms.unwrap("old", wrapped, CONTEXT);
    expect(opened.use((bytes) => [...bytes])).toEqual(dataKey.use((bytes) => [...bytes]));
  });

  it.each<[string, CustomerKey[], string, string]>([
    ["that is not there", [], "old", "absent"],
    ["that is destroyed", [cmk("old", "destroyed", false)], "old", "destroyed"],
    ["that is destroyed though its bytes are here", [cmk("old", "destroyed")], "old", "destroyed"],
    ["without its key", [cmk("old", "retired", false)], "old", "destroyed"],
    ["that is another", [cmk("other", "retired")], "other", "refused"],
  ])("opens nothing under a CMK %s", async (_, keys, id, found) => {
    const { wrapped } = await kmsOf(cmk("old", "active")).generateDataKey(CONTEXT);
    const kms = kmsOf(...keys, cmk("new-one", "active"));
    await expect(kms.unwrap(id, wrapped, CONTEXT)).rejects.toMatchObject({
      fault: { code: "key_mismatch", which: "cmk", id, found },
    });
  });

  it.each([
    [
      "another context",
      (wrapped: Uint8Array) => wrapped,
      [["backup", "backup-bbbbbbbbbbb"]] as const,
    ],
    ["a byte less", (wrapped: Uint8Array) => wrapped.subarray(1), CONTEXT],
    [
      "another version",
      (wrapped: Uint8Array) => join(Uint8Array.of(2), wrapped.subarray(1)),
      CONTEXT,
    ],
  ])("refuses a data key with %s", async (_, change, other) => {
    const kms = testKms();
    const { wrapped } = await kms.generateDataKey(CONTEXT);
    const unwrapped = kms.unwrap(kms.keyId ?? "", change(wrapped), other);
    await expect(unwrapped).rejects.toMatchObject({ fault: { which: "cmk", found: "refused" } });
  });
});
