/**
 * Makes the golden files of the current format version, once: keys, an empty HSM, a full one.
 *
 * Files that exist are never written again: every build opens them, forever (docs/FORMAT.md §13).
 */
import { createHash, generateKeyPairSync, randomBytes, webcrypto } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createBackup } from "../../src/backup/create.ts";
import { encodeKit, RecoveryKit } from "../../src/backup/kit/kit.ts";
import { SecretKey } from "../../src/crypto/secret-key.ts";
import type { RandomBytes, Subtle } from "../../src/crypto/web-crypto.ts";
import type { MemoryStore } from "../../src/hsm/memory/memory-store.ts";
import { snapshotSource } from "../../src/hsm/memory/snapshot.ts";
import {
  ArrayStore,
  LOCATION,
  ORIGIN,
  recoverySpki,
  testKit,
  testKms,
} from "../../test/backup/fixtures.ts";
import { emptyHsm, fullHsm, GOLDEN_CREATED_AT_MS } from "../../test/backup/golden/hsm.ts";
import { loadCore } from "../../test/lib/core.ts";

const FOLDER = "test/golden";

const random: RandomBytes = (length) => Uint8Array.from(randomBytes(length));

function writeOnce(name: string, bytes: string | Uint8Array): void {
  const path = `${FOLDER}/${name}`;
  if (existsSync(path)) {
    console.log(`${path}: kept`);
    return;
  }
  writeFileSync(path, bytes);
  console.log(`${path}: ${bytes.length} bytes`);
}

function makeKit(): string {
  const pair = generateKeyPairSync("rsa", { modulusLength: 3072 });
  const spki = pair.publicKey.export({ type: "spki", format: "der" });
  const pkcs8 = pair.privateKey.export({ type: "pkcs8", format: "der" });
  const id = createHash("sha256").update(spki).digest("hex").slice(0, 32);
  const version = (number: number, state: "active" | "retired") => ({
    id: random(16),
    version: number,
    state,
    key: new SecretKey(random(32)),
  });
  return encodeKit(
    new RecoveryKit({
      createdAt: "2026-01-01T00:00:00Z",
      operator: "Golden Operator",
      recoveryKey: { id, pkcs8: new SecretKey(Uint8Array.from(pkcs8)) },
      ring: {
        manufacturer: "Golden Works",
        mkbk: [version(1, "retired"), version(2, "active")],
        akbk: [version(1, "retired"), version(2, "active")],
      },
      note: "Test keys, published on purpose: they protect nothing.",
    }),
  );
}

function makeKms(): string {
  const keys = [
    { id: "local/golden-1", state: "retired", key: Buffer.from(random(32)).toString("base64") },
    { id: "local/golden-2", state: "active", key: Buffer.from(random(32)).toString("base64") },
  ];
  return `${JSON.stringify({ keys }, null, 2)}\n`;
}

async function makeBackup(name: string, store: MemoryStore): Promise<void> {
  if (existsSync(`${FOLDER}/${name}.hbk`)) {
    console.log(`${FOLDER}/${name}.hbk: kept`);
    return;
  }
  const platform = { core: await loadCore(), subtle: webcrypto.subtle as Subtle, random };
  const recipients = { kms: testKms(random), recoveryPublicKey: recoverySpki() };
  const origin = { ...ORIGIN, createdAtMs: GOLDEN_CREATED_AT_MS };
  const order = { origin, location: LOCATION, source: snapshotSource(store) };
  const target = new ArrayStore();
  const created = await createBackup(platform, testKit().ring, recipients, order, target);
  writeOnce(`${name}.hbk`, target.file);
  writeOnce(`${name}-bare.hbk`, Buffer.concat([created.keyBlock, target.container]));
}

async function main(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  if (!existsSync(`${FOLDER}/kit.json`)) writeOnce("kit.json", makeKit());
  if (!existsSync(`${FOLDER}/kms.json`)) writeOnce("kms.json", makeKms());
  await makeBackup("v1-empty", await emptyHsm());
  await makeBackup("v1-full", await fullHsm());
}

await main();
