/**
 * An HSM's beginning: manufacture, and the cluster's certificate.
 *
 * Spec: docs/STORAGE.md, "Rows of an HSM". Each can be asked for again and
 * answers as the first time. Secrets that are made here (identity key) or come in
 * (AKBK) are wrapped before they are written.
 */
import { encodeBase64, encodeHex } from "../../crypto/base-encodings.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import { RefusedAttributes } from "../../hsm/memory/attributes-codec.ts";
import { configurationCodec } from "../../hsm/memory/configuration-record.ts";
import { RECORD_TYPE } from "../../hsm/memory/record.ts";
import { isHsmType } from "../../hsm/rules/limits.ts";
import type { HardwareIdentity, ManufactureOrder } from "../contracts/hsm-api.ts";
import { Refused } from "../contracts/result.ts";
import { preCoPassword } from "../opening/preco.ts";
import { randomBytes } from "../platform/engine.ts";
import { reached } from "../platform/reached.ts";
import { flipGeneration, removeOtherGenerations } from "./generations.ts";
import { issueHardwareIdentity } from "./hardware-identity.ts";
import { InstalledKeyring, installAkbk } from "./keyring.ts";
import { type Making, readLocal, writeLocal } from "./local.ts";
import { type HsmMemory, type HsmSite, openStaging, openToRead } from "./memory.ts";
import type { MemorySql } from "./memory-sql.ts";
import { writeKeyCheck } from "./own-rows.ts";
import { LOCAL_SECRET, wrapSecret } from "./storage-key.ts";

const FIRST_GENERATION = 1;

/**
 * Makes an HSM: identity, the operator's AKBK installed, and, unless a restore is to fill it, the
 * PRECO and AU users. The last write makes all of it hold at once.
 */
export async function manufactureHsm(
  site: HsmSite,
  order: ManufactureOrder,
): Promise<HardwareIdentity> {
  const { storage, rows, deployment, secrets } = site;
  const made = readLocal(rows, "making");
  if (made !== null) return made.identity;
  const { hsmType, mode } = order;
  if (!isHsmType(hsmType)) throw typeRefused(hsmType);
  const issued = await issueHardwareIdentity(secrets, order, Date.now(), randomBytes);
  using identityKey = new SecretKey(issued.identityKey);
  using memory = openStaging(site, FIRST_GENERATION);
  removeOtherGenerations(rows); // Rows of an attempt that did not come to its end.
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
    const { generation, sum, counts } = memory.store.rows;
    if (!flipGeneration(rows, 0, { generation, change: 0, sum, counts })) {
      throw new Error("unreachable: manufactured twice");
    }
    writeLocal(rows, "making", making);
    writeKeyCheck(rows);
    writeLocal(rows, "history", encodeHex(randomBytes(16)));
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

/**
 * By what the configuration says in the clear: no key is needed, and none of it is authentic. Who
 * could have changed it could have emptied the database as well. To be asked in the turn in which
 * the HSM is emptied. @throws Refused with `hsm_activated` unless every generation says not.
 */
export function verifyNeverActivated(sql: MemorySql): void {
  const rows = sql.exec<{ attributes: SqlStorageValue }>(
    "SELECT attributes FROM records WHERE type = ?",
    RECORD_TYPE.configuration,
  );
  for (const { attributes } of [...rows]) {
    const isBytes = attributes instanceof ArrayBuffer;
    const decoded = isBytes ? configurationCodec.decode(new Uint8Array(attributes)) : null;
    if (decoded === null || decoded instanceof RefusedAttributes) throw activated();
    if (decoded.activatedAtMs !== 0) throw activated();
  }
}

function activated(): Refused {
  const message =
    "The HSM was activated, cannot be read under this STORAGE_KEY and was never backed up. Its " +
    "memory is kept: give the worker the key that it was made under.";
  return new Refused({ kind: "conflict", code: "hsm_activated", message });
}

/** Whether what is wrapped opens, by the operator's keys that every HSM has. @throws Refused. */
export function verifyReadable(site: HsmSite): null {
  using memory = openToRead(site);
  using _keys = new InstalledKeyring(site, memory.kek);
  return null;
}
