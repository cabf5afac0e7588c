import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SecretKey } from "../../../src/crypto/secret-key.ts";
import { KEY_CLASS_NUMBER } from "../../../src/hsm/memory/key-record.ts";
import { MemoryStore } from "../../../src/hsm/memory/memory-store.ts";
import type { RecordType } from "../../../src/hsm/memory/record.ts";
import { RECORD_TYPE } from "../../../src/hsm/memory/record.ts";

function put(store: MemoryStore, type: RecordType, id: number, index = "", secret = ""): void {
  const held = secret === "" ? null : new SecretKey(new TextEncoder().encode(secret));
  store.put({ type, id, attributes: Uint8Array.of(id & 0xff), secret: held }, index);
  held?.[Symbol.dispose]();
}

function contents(store: MemoryStore): unknown {
  return Array.from(store.all(), (row) => ({
    ...row,
    secret: row.secret?.use((bytes) => new TextDecoder().decode(bytes)),
  }));
}

describe("the memory store", () => {
  it("gives records in canonical order, whatever order they came in", () => {
    const store = new MemoryStore();
    store.transaction(() => {
      for (const id of [3, 1, 2]) put(store, RECORD_TYPE.key, id);
      put(store, RECORD_TYPE.configuration, 0);
    });
    expect(Array.from(store.all(), ({ type, id }) => [type, id])).toEqual([
      [1, 0],
      [5, 1],
      [5, 2],
      [5, 3],
    ]);
  });

  it("finds the lowest id of an index, and follows a change of index", () => {
    const store = new MemoryStore();
    store.transaction(() => {
      put(store, RECORD_TYPE.key, 2, "same");
      put(store, RECORD_TYPE.key, 1, "same");
    });
    expect(store.find(RECORD_TYPE.key, "same")?.id).toBe(1);
    store.transaction(() => put(store, RECORD_TYPE.key, 1, "other"));
    expect(store.find(RECORD_TYPE.key, "same")?.id).toBe(2);
    expect(store.find(RECORD_TYPE.key, "other")?.id).toBe(1);
    expect(store.find(RECORD_TYPE.user, "same")).toBeNull();
  });

  it("lists those of an index by id, and counts the keys that are RSA or EC", () => {
    const store = new MemoryStore();
    const secretKey = Uint8Array.of(0xa1, 1, KEY_CLASS_NUMBER.secret);
    const pair = Uint8Array.of(0xa1, 1, KEY_CLASS_NUMBER.private);
    store.transaction(() => {
      for (const [id, index, attributes] of [
        [4, "same", pair],
        [1, "same", secretKey],
        [9, "same", secretKey],
        [2, "other", pair],
      ] as const) {
        store.put({ type: RECORD_TYPE.key, id, attributes, secret: null }, index);
      }
    });
    const ids = (index: string, after: number, limit: number) =>
      store.listNamed(RECORD_TYPE.key, index, after, limit).map(({ id }) => id);
    expect(ids("same", -1, 9)).toEqual([1, 4, 9]);
    expect(ids("same", 1, 1)).toEqual([4]);
    expect(ids("nobody's", -1, 9)).toEqual([]);
    expect(store.countAsymmetricKeys()).toBe(2);
    store.transaction(() => store.delete(RECORD_TYPE.key, 2));
    expect(store.countAsymmetricKeys()).toBe(1);
  });

  it("pages by id", () => {
    const store = new MemoryStore();
    store.transaction(() => {
      for (const id of [1, 4, 9]) put(store, RECORD_TYPE.key, id);
    });
    expect(store.list(RECORD_TYPE.key, 1, 1).map(({ id }) => id)).toEqual([4]);
    expect(store.list(RECORD_TYPE.key, 4, 9).map(({ id }) => id)).toEqual([9]);
    expect(store.list(RECORD_TYPE.key, 9, 9)).toEqual([]);
    expect(store.count(RECORD_TYPE.key)).toBe(3);
  });

  it("does not use an id again after the last record is deleted", () => {
    const store = new MemoryStore();
    store.transaction(() => {
      put(store, RECORD_TYPE.key, 7);
      store.delete(RECORD_TYPE.key, 7);
    });
    expect(store.lastId(RECORD_TYPE.key)).toBe(7);
  });

  it("keeps the secret where the caller says so", () => {
    const store = new MemoryStore();
    store.transaction(() => {
      put(store, RECORD_TYPE.key, 1, "a", "secret");
      const record = { type: RECORD_TYPE.key, id: 1, attributes: Uint8Array.of(9), secret: null };
      store.put(record, "b", true);
    });
    expect(contents(store)).toEqual([
      { type: 5, id: 1, attributes: Uint8Array.of(9), secret: "secret" },
    ]);
  });

  it("refuses a write outside a transaction", () => {
    const store = new MemoryStore();
    expect(() => put(store, RECORD_TYPE.key, 1)).toThrow("outside a transaction");
  });

  it("hands out secrets that outlive a deletion, and wipes its own", () => {
    const store = new MemoryStore();
    store.transaction(() => put(store, RECORD_TYPE.key, 1, "", "secret"));
    const lent = store.secret(RECORD_TYPE.key, 1);
    store.transaction(() => store.delete(RECORD_TYPE.key, 1));
    expect(lent?.length).toBe(6);
    expect(store.secret(RECORD_TYPE.key, 1)).toBeNull();
  });

  it("is exactly as before after a transaction that throws", () => {
    const step = fc.record({
      id: fc.integer({ min: 1, max: 6 }),
      kind: fc.constantFrom("put", "keep", "delete"),
      index: fc.constantFrom("a", "b"),
      secret: fc.constantFrom("", "x", "yy"),
    });
    const run = (store: MemoryStore, steps: { [K in keyof Step]: Step[K] }[]): void => {
      for (const { id, kind, index, secret } of steps) {
        if (kind === "put") put(store, RECORD_TYPE.key, id, index, secret);
        if (kind === "delete") store.delete(RECORD_TYPE.key, id);
        if (kind === "keep") {
          const attributes = Uint8Array.of(0xff);
          store.put({ type: RECORD_TYPE.key, id, attributes, secret: null }, index, true);
        }
      }
    };
    type Step = { id: number; kind: string; index: string; secret: string };
    void fc.assert(
      fc.property(fc.array(step), fc.array(step), (before, during) => {
        const store = new MemoryStore();
        store.transaction(() => run(store, before));
        const was = contents(store);
        const found = ["a", "b"].map((index) => store.find(RECORD_TYPE.key, index)?.id);
        const last = store.lastId(RECORD_TYPE.key);
        expect(() =>
          store.transaction(() => {
            run(store, during);
            throw new Error("stop");
          }),
        ).toThrow("stop");
        expect(contents(store)).toEqual(was);
        expect(["a", "b"].map((index) => store.find(RECORD_TYPE.key, index)?.id)).toEqual(found);
        expect(store.lastId(RECORD_TYPE.key)).toBe(last);
      }),
    );
  });

  it("forgets everything on disposal", () => {
    const store = new MemoryStore();
    store.transaction(() => put(store, RECORD_TYPE.key, 1, "a", "secret"));
    store[Symbol.dispose]();
    expect(contents(store)).toEqual([]);
    expect(store.find(RECORD_TYPE.key, "a")).toBeNull();
  });
});
