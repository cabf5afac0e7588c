import { describe, expect, it, vi } from "vitest";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { activeHsm, codeOf, passwordOf } from "../../lib/hsm.ts";

const AES = { type: "aes", sizeBits: 256 } as const;

describe("owners and sharing", () => {
  it("hide a key from other CUs, and show it to admins", async () => {
    const { hsm, admin, alice, bob } = await activeHsm();
    const { handle } = await hsm.generateKey(alice, AES);
    expect(await codeOf(() => hsm.describeKey(bob, handle))).toBe("key_not_found");
    expect(await codeOf(() => hsm.describeKey(bob, handle + 1))).toBe("key_not_found");
    expect(hsm.listKeys(bob).keys).toEqual([]);
    expect(hsm.describeKey(admin, handle).owner).toBe("alice");
  });

  it("let a sharer use a key and do nothing else", async () => {
    const { hsm, alice, bob } = await activeHsm();
    const attributes = { encrypt: true, wrap: true };
    const { handle } = await hsm.generateKey(alice, { ...AES, attributes });
    const mine = await hsm.generateKey(bob, AES);
    hsm.shareKey(alice, handle, "Bob");
    await hsm.encrypt(bob, handle, { mechanism: "aes-gcm", data: new Uint8Array(1) });
    hsm.wrapKey(bob, mine.handle, handle, "aes-kwp");
    const refused: (() => unknown)[] = [
      () => hsm.deleteKey(bob, handle),
      () => hsm.exportKey(bob, handle, "raw"),
      () => hsm.wrapKey(bob, handle, handle, "aes-kwp"),
      () => hsm.setAttributes(bob, handle, { label: "mine" }),
      () => hsm.shareKey(bob, handle, "alice"),
      () => hsm.unshareKey(bob, handle, "bob"),
    ];
    for (const attempt of refused) expect(await codeOf(attempt)).toBe("key_not_owned");
    hsm.unshareKey(alice, handle, "bob");
    expect(await codeOf(() => hsm.describeKey(bob, handle))).toBe("key_not_found");
  });

  it("share with CUs only, and not with the owner", async () => {
    const { hsm, alice } = await activeHsm();
    const { handle } = await hsm.generateKey(alice, AES);
    expect(await codeOf(() => hsm.shareKey(alice, handle, "admin"))).toBe("share_refused");
    expect(await codeOf(() => hsm.shareKey(alice, handle, "alice"))).toBe("share_refused");
    expect(await codeOf(() => hsm.shareKey(alice, handle, "nobody"))).toBe("user_not_found");
  });

  it("list sharers in order, each once", async () => {
    const { hsm, admin, alice } = await activeHsm();
    const { handle } = await hsm.generateKey(alice, AES);
    await hsm.createUser(admin, { username: "carol", role: "CU", password: passwordOf("carol") });
    for (const name of ["carol", "bob", "carol"]) hsm.shareKey(alice, handle, name);
    expect(hsm.describeKey(alice, handle).sharedWith).toEqual(["bob", "carol"]);
  });

  it("look up the user who is named and none of the other sharers", async () => {
    const { hsm, store, admin, alice } = await activeHsm();
    const { handle } = await hsm.generateKey(alice, AES);
    const names = Array.from({ length: 20 }, (_, i) => `sharer_${i}`);
    for (const username of names) {
      await hsm.createUser(admin, { username, role: "CU", password: passwordOf(username) });
    }
    const reads = [vi.spyOn(store, "get"), vi.spyOn(store, "find"), vi.spyOn(store, "list")];
    const readsOf = (f: () => void): number => {
      const before = reads.reduce((sum, { mock }) => sum + mock.calls.length, 0);
      f();
      return reads.reduce((sum, { mock }) => sum + mock.calls.length, 0) - before;
    };
    const counts = names.map((name) => readsOf(() => hsm.shareKey(alice, handle, name)));
    counts.push(readsOf(() => hsm.unshareKey(alice, handle, "sharer_7")));
    expect(counts[0]).toBeGreaterThan(0);
    expect(new Set(counts).size).toBe(1);
    expect(hsm.describeKey(alice, handle).sharedWith).toHaveLength(19);
  });
});

describe("deleting a key", () => {
  it("takes it away, and its handle is not given again", async () => {
    const { hsm, alice } = await activeHsm();
    const { handle } = await hsm.generateKey(alice, AES);
    hsm.deleteKey(alice, handle);
    expect(await codeOf(() => hsm.describeKey(alice, handle))).toBe("key_not_found");
    expect((await hsm.generateKey(alice, AES)).handle).toBe(handle + 1);
  });

  it("is refused where destroyable is false", async () => {
    const { hsm, alice } = await activeHsm();
    const attributes = { destroyable: false };
    const { handle } = await hsm.generateKey(alice, { ...AES, attributes });
    expect(await codeOf(() => hsm.deleteKey(alice, handle))).toBe("key_not_destroyable");
  });
});

describe("listing keys", () => {
  it("pages through what the caller may see", async () => {
    const { hsm, alice, bob } = await activeHsm();
    const requests = Array.from({ length: 25 }, (_, i) => ({
      material: {
        format: "raw" as const,
        type: "aes" as const,
        key: new SecretKey(new Uint8Array(16)),
      },
      attributes: { label: `key ${i}` },
    }));
    await hsm.importKeys(alice, requests);
    await hsm.importKeys(bob, requests);
    const labels: string[] = [];
    let after: number | null = 0;
    while (after !== null) {
      const page: ReturnType<typeof hsm.listKeys> = hsm.listKeys(bob, { after, limit: 10 });
      labels.push(...page.keys.map(({ label }) => label));
      after = page.next;
    }
    expect(labels).toEqual(requests.map(({ attributes }) => attributes.label));
  });

  it("selects by label, class and type", async () => {
    const { hsm, alice } = await activeHsm();
    await hsm.generateKey(alice, { ...AES, attributes: { label: "a" } });
    await hsm.generateKeyPair(alice, { type: "ec", curve: "P-256", attributes: { label: "a" } });
    expect(hsm.listKeys(alice, { label: "a" }).keys).toHaveLength(2);
    expect(hsm.listKeys(alice, { label: "a", type: "ec" }).keys).toHaveLength(1);
    expect(hsm.listKeys(alice, { class: "secret" }).keys).toHaveLength(1);
    expect(hsm.listKeys(alice, { class: "public" }).keys).toEqual([]);
  });

  it.each([0, -1, 1.5, 1_001])("refuses a page of %d", async (limit) => {
    const { hsm, alice } = await activeHsm();
    expect(await codeOf(() => hsm.listKeys(alice, { limit }))).toBe("parameter_invalid");
  });

  it.each([Number.NaN, -1, 0.5, 2 ** 60])("finds no key %d", async (handle) => {
    const { hsm, alice } = await activeHsm();
    expect(await codeOf(() => hsm.describeKey(alice, handle))).toBe("key_not_found");
  });
});
