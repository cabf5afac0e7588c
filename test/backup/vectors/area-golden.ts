/**
 * The golden files: HSMs as the product backs them up, written by its own writer.
 *
 * What is in them: ../golden/hsm.ts.
 */
import { createBackup } from "../../../src/backup/create.ts";
import type { MemoryStore } from "../../../src/hsm/memory/memory-store.ts";
import { snapshotSource, stateDigest } from "../../../src/hsm/memory/snapshot.ts";
import {
  ArrayStore,
  counterRandom,
  hex,
  LOCATION,
  ORIGIN,
  recoveryPublicKey,
  testKms,
  testRing,
} from "../fixtures.ts";
import { emptyHsm, fullHsm, GOLDEN_CREATED_AT_MS } from "../golden/hsm.ts";
import { fixedSubtle } from "./fixed-subtle.ts";
import { join } from "./forge.ts";
import type { Maker, Vector, VectorTable } from "./maker.ts";

export async function goldenVectors(make: Maker): Promise<VectorTable> {
  return {
    ...(await backupOf(make, "v1-empty", await emptyHsm())),
    ...(await backupOf(make, "v1-full", await fullHsm())),
  };
}

async function backupOf(make: Maker, name: string, store: MemoryStore): Promise<VectorTable> {
  const random = counterRandom(`vectors/golden/${name}`);
  const platform = { core: make.core, subtle: fixedSubtle(random), random };
  const recipients = {
    kms: testKms(random),
    recoveryKeys: [recoveryPublicKey("hybrid"), recoveryPublicKey("rsa")],
  };
  const origin = { ...ORIGIN, createdAtMs: GOLDEN_CREATED_AT_MS };
  const source = snapshotSource(store);
  const target = new ArrayStore();
  const order = { origin, location: LOCATION, source };
  const created = await createBackup(platform, testRing(), recipients, order, target);
  const vector = (bytes: Uint8Array): Vector => ({
    bytes,
    keys: ["owner", "kit_holder"],
    expectation: {},
    expect: {
      outcome: "opens",
      stateDigest: hex(stateDigest(store, make.core)),
      containerDigest: hex(created.containerDigest),
      records: [...source.entries()].length,
    },
  });
  return {
    [name]: vector(target.file),
    [`${name}-bare`]: vector(join(created.keyBlock, target.container)),
  };
}
