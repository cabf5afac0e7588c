import { describe, expect, it } from "vitest";
import { createBackup } from "../../src/backup/create.ts";
import { loadCore } from "../lib/core.ts";
import {
  ArrayStore,
  counterRandom,
  LOCATION,
  ORIGIN,
  recoveryPublicKey,
  SMALL_MEMORY,
  sourceOf,
  subtle,
  testKms,
  testRing,
} from "./fixtures.ts";

const core = await loadCore();
const random = counterRandom("self-verification");
const recipients = { kms: testKms(), recoveryKeys: [recoveryPublicKey()] };
const order = { origin: ORIGIN, location: LOCATION, source: sourceOf(SMALL_MEMORY) };

const create = (store: ArrayStore) =>
  createBackup({ core, subtle, random }, testRing(), recipients, order, store);

type Parts = readonly Uint8Array[];

/** What the spool gives back instead of what was written. */
const SWAPS: readonly [name: string, swap: (own: Parts, other: Parts) => Parts][] = [
  ["a byte changed", (own) => own.map((part, i) => (i === own.length - 2 ? flipped(part) : part))],
  ["another container of the same memory", (_, other) => other],
  ["the other's trailer", (own, other) => [...own.slice(0, -1), ...other.slice(-1)]],
  ["a part too few", (own) => own.slice(0, -1)],
  ["a byte too many", (own) => [...own, Uint8Array.of(0)]],
  ["nothing", () => []],
];

function flipped(part: Uint8Array): Uint8Array {
  return part.with(40, (part[40] ?? 0) ^ 1);
}

describe("a backup that reads back as something else is not kept", () => {
  it.each(SWAPS)("%s", async (_, swap) => {
    const other = new ArrayStore();
    await create(other);
    const store = new ArrayStore();
    const write = store.spool.write.bind(store.spool);
    store.spool.write = (parts) => {
      write(parts);
      const own = [...store.spool.parts];
      store.spool.parts.splice(0, own.length, ...swap(own, other.spool.parts));
    };
    await expect(create(store)).rejects.toMatchObject({ fault: { code: "verification_failed" } });
    expect(store.body.length).toBe(0);
    expect(store.envelope.length).toBe(0);
  });
});
