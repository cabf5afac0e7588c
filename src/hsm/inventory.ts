/**
 * What a memory holds, for a recovery tool to show without a login: metadata, never a secret.
 *
 * docs/HSM.md §8. Whoever can call this holds the memory itself, and opened the backup it came
 * from.
 */

import { type ConfigurationView, configurationView } from "./access/configuration.ts";
import { type PoliciesView, policiesView } from "./access/policies.ts";
import { allUsers, type UserView, userNames, userView } from "./access/user-directory.ts";
import { allCertificates, type CertificateView } from "./certificates/directory.ts";
import { type KeyView, keyView } from "./keys/views.ts";
import { configurationCodec } from "./memory/configuration-record.ts";
import { keyCodec } from "./memory/key-record.ts";
import { policyCodec } from "./memory/policy-record.ts";
import { RECORD_TYPE } from "./memory/record.ts";
import { type HsmStore, readAttributes, rowsOf } from "./memory/store.ts";

export interface Inventory {
  /** Null for a blank memory. */
  readonly configuration: ConfigurationView | null;
  readonly policies: PoliciesView | null;
  readonly users: readonly UserView[];
  readonly keys: readonly KeyView[];
  readonly certificates: readonly CertificateView[];
}

export function inventory(store: HsmStore): Inventory {
  const [configuration] = rowsOf(store, RECORD_TYPE.configuration);
  const [policy] = rowsOf(store, RECORD_TYPE.policy);
  return {
    configuration:
      configuration === undefined
        ? null
        : configurationView(readAttributes(configurationCodec, configuration)),
    policies: policy === undefined ? null : policiesView(readAttributes(policyCodec, policy)),
    users: Array.from(allUsers(store), userView),
    keys: Array.from(allKeys(store)),
    certificates: Array.from(allCertificates({ store })),
  };
}

function* allKeys(store: HsmStore): Generator<KeyView> {
  const nameOf = userNames(store);
  for (const row of rowsOf(store, RECORD_TYPE.key)) {
    yield keyView({ handle: row.id, key: readAttributes(keyCodec, row) }, nameOf);
  }
}
