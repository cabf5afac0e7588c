/**
 * Opens a downloaded backup with a recovery kit: no service, no network, the engine alone.
 */
import { memoryFile } from "../../src/backup/file.ts";
import { parseKit } from "../../src/backup/kit/kit.ts";
import { restoreFile } from "../../src/backup/verify.ts";
import { Core } from "../../src/crypto/core.ts";
import { inventory } from "../../src/hsm/inventory.ts";
import { MemoryStore } from "../../src/hsm/memory/memory-store.ts";
import { restoreRecord } from "../../src/hsm/memory/snapshot.ts";
import { compileCore } from "../core/module.ts";

export interface OfflineContents {
  /** Hexadecimal. */
  readonly stateDigest: string;
  readonly users: number;
  readonly keys: number;
  readonly certificates: number;
}

/**
 * @param sealed - a sealed file. @param kitText - a kit/1 document.
 * @throws BackupError, KitError, ModuleHashError.
 */
export async function openOffline(sealed: Uint8Array, kitText: string): Promise<OfflineContents> {
  using core = new Core(await compileCore());
  using kit = parseKit(kitText);
  const store = new MemoryStore();
  const { stateDigest } = await restoreFile(
    { core, subtle: crypto.subtle },
    kit.ring,
    { kms: null, recoveryKeys: kit.recoveryKeys },
    memoryFile(sealed),
    {
      put: (record) => store.transaction(() => restoreRecord(store, record)),
      commit: () => undefined,
      discard: () => undefined,
    },
  );
  const { users, keys, certificates } = inventory(store);
  return {
    stateDigest: Buffer.from(stateDigest).toString("hex"),
    users: users.length,
    keys: keys.length,
    certificates: certificates.length,
  };
}
