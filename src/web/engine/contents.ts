/**
 * What a restored HSM holds, as plain views: read from the records themselves, because whoever has
 * the recovery kit may see everything but secrets. No secret part of a record is touched here.
 */
import type { AttributesCodec } from "../../hsm/attributes.ts";
import { RefusedAttributes } from "../../hsm/attributes.ts";
import { type CertificateAttributes, certificateCodec } from "../../hsm/certificate-record.ts";
import {
  type ConfigurationAttributes,
  configurationCodec,
  HSM_MODE_OF,
  HSM_TYPE_OF,
} from "../../hsm/configuration-record.ts";
import { type KeyAttributes, keyCodec } from "../../hsm/key-record.ts";
import { type PolicyAttributes, policyCodec } from "../../hsm/policy-record.ts";
import { RECORD_TYPE, type RecordType } from "../../hsm/record.ts";
import type { HsmStore } from "../../hsm/store.ts";
import { ROLE_OF, userCodec } from "../../hsm/user-record.ts";
import { keyView } from "./key-view.ts";
import { encodeHex, encodePem } from "./texts.ts";
import type { CertificateView, Contents, KeyView, Setting, UserView } from "./views.ts";

const ROWS_AT_A_TIME = 1_000;

interface Decoded<T> {
  readonly id: number;
  readonly attributes: T;
}

/** Every record of a type, decoded. The restore has already refused records that do not decode. */
function* recordsOf<T>(
  store: HsmStore,
  type: RecordType,
  codec: AttributesCodec<T>,
): Generator<Decoded<T>> {
  let afterId = -1;
  for (;;) {
    const rows = store.list(type, afterId, ROWS_AT_A_TIME);
    for (const row of rows) {
      const attributes = codec.decode(row.attributes);
      if (attributes instanceof RefusedAttributes) {
        throw new Error(`unreachable: restored record of type ${type} is ${attributes.why}`);
      }
      yield { id: row.id, attributes };
      afterId = row.id;
    }
    if (rows.length < ROWS_AT_A_TIME) return;
  }
}

function usersOf(store: HsmStore, keys: readonly Decoded<KeyAttributes>[]): UserView[] {
  const owned = new Map<number, number>();
  for (const { attributes } of keys) {
    owned.set(attributes.owner, (owned.get(attributes.owner) ?? 0) + 1);
  }
  return [...recordsOf(store, RECORD_TYPE.user, userCodec)].map(({ id, attributes }) => ({
    id,
    name: attributes.username,
    role: ROLE_OF[attributes.role],
    locked: attributes.locked === 1,
    failures: attributes.failures,
    keysOwned: owned.get(id) ?? 0,
  }));
}

function certificateView({ id, attributes }: Decoded<CertificateAttributes>): CertificateView {
  return {
    id,
    subject: attributes.subject,
    issuer: attributes.issuer,
    serial: attributes.serialNumber,
    notBeforeMs: attributes.notBeforeMs,
    notAfterMs: attributes.notAfterMs,
    fingerprint: encodeHex(attributes.fingerprint),
    pem: encodePem("CERTIFICATE", attributes.der),
  };
}

const quorum = (approvals: number): string =>
  approvals === 0 ? "no approvals asked for" : `${approvals} approvals`;

function policySettings({ attributes }: Decoded<PolicyAttributes>): Setting[] {
  const { minPasswordCharacters: min, maxPasswordCharacters: max } = attributes;
  return [
    { name: "Password length", value: `${min} to ${max} characters` },
    {
      name: "A user is locked after",
      value: `more than ${attributes.lockoutThreshold} wrong passwords in a row`,
    },
    { name: "Managing users", value: quorum(attributes.userQuorum) },
    { name: "Changing quorum values", value: quorum(attributes.quorumQuorum) },
    { name: "Changing the cluster", value: quorum(attributes.clusterQuorum) },
    { name: "Managing keys", value: quorum(attributes.keyManagementQuorum) },
    { name: "Using keys", value: quorum(attributes.keyUsageQuorum) },
    { name: "Registering quorum keys", value: quorum(attributes.registrationQuorum) },
  ];
}

const instant = (ms: number): string => (ms === 0 ? "not yet" : new Date(ms).toISOString());

function configurationSettings({ attributes }: Decoded<ConfigurationAttributes>): Setting[] {
  return [
    { name: "HSM type", value: HSM_TYPE_OF[attributes.hsmType] },
    { name: "Mode", value: HSM_MODE_OF[attributes.mode] },
    { name: "Label", value: attributes.label === "" ? "none" : attributes.label },
    { name: "Made", value: instant(attributes.createdAtMs) },
    { name: "Activated", value: instant(attributes.activatedAtMs) },
    { name: "Cluster certificate", value: attributes.clusterCertificatePem || "not yet issued" },
    { name: "Trust anchor", value: attributes.trustAnchorPem || "not yet given" },
  ];
}

/** Everything in `store` but secrets, in canonical order. */
export function readContents(store: HsmStore): Contents {
  const keys = [...recordsOf(store, RECORD_TYPE.key, keyCodec)];
  const users = usersOf(store, keys);
  const names = new Map(users.map((user) => [user.id, user.name]));
  const nameOf = (id: number): string => names.get(id) ?? `user ${id}`;
  return {
    users,
    keys: keys.map(({ id, attributes }): KeyView => keyView(id, attributes, nameOf)),
    certificates: [...recordsOf(store, RECORD_TYPE.certificate, certificateCodec)].map(
      certificateView,
    ),
    policies: [...recordsOf(store, RECORD_TYPE.policy, policyCodec)].flatMap(policySettings),
    configuration: [...recordsOf(store, RECORD_TYPE.configuration, configurationCodec)].flatMap(
      configurationSettings,
    ),
  };
}
