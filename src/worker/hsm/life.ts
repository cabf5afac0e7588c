/**
 * An HSM's beginning: manufacture, and the cluster's certificate.
 *
 * Spec: docs/STORAGE.md, "Rows of an HSM". Each can be asked for again and
 * answers as the first time. Secrets that are made here (identity key) or come in
 * (AKBK) are wrapped before they are written.
 */
import { encodeBase64, encodeHex, requireBase64 } from "../../crypto/base-encodings.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import { isHsmType } from "../../hsm/rules/limits.ts";
import type { HardwareIdentity, ManufactureOrder } from "../contracts/hsm-api.ts";
import { Refused } from "../contracts/result.ts";
import { preCoPassword } from "../opening/preco.ts";
import { openCore, randomBytes } from "../platform/engine.ts";
import { reached } from "../platform/reached.ts";
import { issueHardwareIdentity } from "./hardware-identity.ts";
import { InstalledKeyring, installAkbk } from "./keyring.ts";
import { type Making, readLocal, writeLocal } from "./local.ts";
import { type HsmMemory, type HsmSite, openStaging, openToRead } from "./memory.ts";
import { flipGeneration, removeOtherGenerations } from "./rows.ts";
import {
  deriveKeyCheck,
  deriveStorageKey,
  LOCAL_SECRET,
  MemoryChanged,
  StorageKeyMismatch,
  unwrapSecret,
  wrapSecret,
} from "./storage-key.ts";

const FIRST_GENERATION = 1;

/**
 * Makes an HSM: identity, the operator's AKBK installed, and, unless a restore is to fill it, the
 * PRECO and AU users. The last write makes all of it hold at once.
 */
export async function manufactureHsm(
  site: HsmSite,
  order: ManufactureOrder,
): Promise<HardwareIdentity> {
  const { storage, deployment, secrets } = site;
  const made = readLocal(storage.sql, "making");
  if (made !== null) return made.identity;
  const { hsmType, mode } = order;
  if (!isHsmType(hsmType)) throw typeRefused(hsmType);
  const issued = await issueHardwareIdentity(secrets, order, Date.now(), randomBytes);
  using identityKey = new SecretKey(issued.identityKey);
  using memory = openStaging(site, FIRST_GENERATION);
  removeOtherGenerations(storage.sql); // Rows of an attempt that did not come to its end.
  if (order.hasPreco) {
    const password = await preCoPassword(secrets.storageKey, order.location.clusterId);
    await memory.hsm.manufacture({ hsmType, mode, preCoPassword: password });
  }
  const making: Making = {
    location: order.location,
    hsmType,
    mode,
    identity: issued.identity,
    identityKey: encodeBase64(wrapSecret(memory.kek, LOCAL_SECRET.identityKey, 0, identityKey)),
    akbk: installAkbk(memory.kek, secrets.operator.akbk),
  };
  storage.transactionSync(() => {
    if (!flipGeneration(storage.sql, 0, FIRST_GENERATION, 0)) {
      throw new Error("unreachable: manufactured twice");
    }
    writeLocal(storage.sql, "making", making);
    writeLocal(storage.sql, "keyCheck", deriveKeyCheck(memory.core, secrets, order.location));
    writeLocal(storage.sql, "history", encodeHex(randomBytes(16)));
  });
  await reached("hsm_manufactured", deployment, storage);
  return making.identity;
}

function typeRefused(hsmType: string): Refused {
  const message = `There is no HSM of type '${hsmType}'.`;
  return new Refused({ kind: "invalid", code: "hsm_type_unsupported", message });
}

/** Takes the cluster's certificate and its owner's trust anchor into the configuration. */
export async function initializeHsm(
  memory: HsmMemory,
  site: HsmSite,
  clusterCertificate: string,
  trustAnchor: string,
): Promise<null> {
  memory.hsm.initialize(clusterCertificate, trustAnchor);
  await reached("hsm_initialized", site.deployment, site.storage);
  return null;
}

/** @throws StorageKeyMismatch; nothing is written then. */
export function verifyStorageKey({ storage: { sql }, secrets, location }: HsmSite): void {
  using core = openCore();
  const check = deriveKeyCheck(core, secrets, location);
  const known = readLocal(sql, "keyCheck");
  if (known === check) return;
  const making = readLocal(sql, "making");
  if (known !== null || making === null) throw new StorageKeyMismatch();
  // Made by a build that kept no check: what it wrapped first of all says the same.
  using storageKey = deriveStorageKey(core, secrets, location);
  using kek = core.kek(storageKey);
  try {
    const wrapped = requireBase64(making.identityKey);
    unwrapSecret(kek, LOCAL_SECRET.identityKey, 0, wrapped)[Symbol.dispose]();
  } catch (error) {
    throw error instanceof MemoryChanged ? new StorageKeyMismatch() : error;
  }
  writeLocal(sql, "keyCheck", check);
}

/** Whether what is wrapped opens, by the operator's keys that every HSM has. @throws Refused. */
export function verifyReadable(site: HsmSite): null {
  using memory = openToRead(site);
  using _keys = new InstalledKeyring(site, memory.kek);
  return null;
}
