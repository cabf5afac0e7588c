/**
 * The golden files: backups by the product's own writer, and the HSMs inside. Once a version of
 * the format is released, its files stay as they are, and each build opens them.
 */
import { beforeAll, describe, expect, it } from "vitest";
import type { ContainerSummary } from "../../../src/backup/container/reader.ts";
import { diffManifests } from "../../../src/backup/diff.ts";
import { memoryFile } from "../../../src/backup/file.ts";
import { inspectBackup } from "../../../src/backup/inspect.ts";
import type { Staging } from "../../../src/backup/restore.ts";
import { restoreFile } from "../../../src/backup/verify.ts";
import type { Core } from "../../../src/crypto/core.ts";
import { MemoryAttemptStore } from "../../../src/hsm/access/attempts.ts";
import { MemorySessionStore } from "../../../src/hsm/access/session-store.ts";
import { Hsm } from "../../../src/hsm/hsm.ts";
import { MemoryStore } from "../../../src/hsm/memory/memory-store.ts";
import { restoreRecord, stateDigest } from "../../../src/hsm/memory/snapshot.ts";
import { loadCore } from "../../lib/core.ts";
import { hex, subtle, testKit, testKms, testRing, vectorBytes } from "../fixtures.ts";
import { GOLDEN_AES_KEY, GOLDEN_CREATED_AT_MS, GOLDEN_PASSWORDS } from "./hsm.ts";

const core: Core = await loadCore();
const ring = testRing();
const byKms = { kms: testKms(), recoveryKeys: [] };
const byKit = { kms: null, recoveryKeys: testKit().recoveryKeys };
const FILES = ["v1-empty.hbk", "v1-empty-bare.hbk", "v1-full.hbk", "v1-full-bare.hbk"];

function stagingOf(store: MemoryStore): Staging {
  return {
    put: (record) => store.transaction(() => restoreRecord(store, record)),
    commit: () => undefined,
    discard: () => undefined,
  };
}

async function restored(name: string): Promise<{ store: MemoryStore; summary: ContainerSummary }> {
  const store = new MemoryStore();
  const file = memoryFile(vectorBytes(`golden/${name}`));
  const summary = await restoreFile({ core, subtle }, ring, byKit, file, stagingOf(store));
  return { store, summary };
}

describe.each(FILES)("%s", (name) => {
  it.each([
    ["the KMS", byKms],
    ["the recovery kit", byKit],
  ])("opens with %s", async (_, openers) => {
    const file = memoryFile(vectorBytes(`golden/${name}`));
    const contents = await inspectBackup({ core, subtle }, ring, openers, file);
    expect(contents.header.createdAtMs).toBe(GOLDEN_CREATED_AT_MS);
    expect(contents.manifest.length).toBe(contents.recordCount);
  });

  it("restores into an HSM with the same state digest", async () => {
    const { store, summary } = await restored(name);
    expect(hex(stateDigest(store, core))).toBe(hex(summary.stateDigest));
  });
});

describe("the HSM inside v1-full", () => {
  let hsm: Hsm;

  beforeAll(async () => {
    hsm = new Hsm({
      store: (await restored("v1-full.hbk")).store,
      sessions: new MemorySessionStore(),
      attempts: new MemoryAttemptStore(),
      core,
      subtle: globalThis.crypto.subtle,
      random: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
      now: () => GOLDEN_CREATED_AT_MS,
    });
  });

  const login = async (username: string) =>
    (await hsm.login(username, GOLDEN_PASSWORDS[username] ?? "")).token;

  it("lets its users in, and keeps the locked one out", async () => {
    for (const username of ["admin", "alice", "bob"]) expect(await login(username)).toBeDefined();
    await expect(login("locked")).rejects.toMatchObject({ fault: { code: "login_failed" } });
  });

  it("gives out the key that may leave, unchanged, and not the one that may not", async () => {
    const alice = await login("alice");
    const { keys } = hsm.listKeys(alice);
    const handleOf = (label: string) => keys.find((key) => key.label === label)?.handle ?? 0;
    const known = await hsm.exportKey(alice, handleOf("aes-256 known"), "raw");
    if (known.format !== "raw") throw new Error("expected raw bytes");
    using key = known.key;
    expect(key.use(hex)).toBe(GOLDEN_AES_KEY);
    await expect(hsm.exportKey(alice, handleOf("aes-256"), "raw")).rejects.toMatchObject({
      fault: { code: "key_not_extractable" },
    });
  });

  it("signs with its keys, and the shared key is shared", async () => {
    const alice = await login("alice");
    const ec = hsm.listKeys(alice).keys.find(({ label }) => label === "ec P-256");
    const data = Buffer.from("golden");
    const signature = await hsm.sign(alice, ec?.handle ?? 0, "ecdsa-sha256", data);
    expect(signature.length).toBe(64);
    const bob = await login("bob");
    expect(hsm.listKeys(bob).keys.map(({ label }) => label)).toContain("aes-256 known");
  });
});

describe("the two memories", () => {
  it("differ by what was added and changed", async () => {
    const manifestOf = async (name: string) => {
      const file = memoryFile(vectorBytes(`golden/${name}`));
      return (await inspectBackup({ core, subtle }, ring, byKit, file)).manifest;
    };
    const empty = await manifestOf("v1-empty.hbk");
    const full = await manifestOf("v1-full.hbk");
    const diff = diffManifests(empty, full);
    expect(diff.removed).toEqual([]);
    expect(diff.added.length).toBe(full.length - empty.length);
    expect(diff.changed.map(({ type }) => type)).toContain(1);
    expect(diffManifests(full, full)).toEqual({ added: [], removed: [], changed: [] });
    expect(diffManifests(full, empty).removed).toEqual(diff.added);
  });
});
