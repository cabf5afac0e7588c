/**
 * What a restored HSM holds, as the page shows it. No secret part of a record is touched here.
 *
 * docs/HSM.md §8: whoever opened the backup may see everything but secrets, without a login.
 */

import type { ConfigurationView } from "../../hsm/access/configuration.ts";
import type { PoliciesView, QuorumService } from "../../hsm/access/policies.ts";
import type { UserView } from "../../hsm/access/user-directory.ts";
import { inventory } from "../../hsm/inventory.ts";
import type { KeyView } from "../../hsm/keys/views.ts";
import { KEY_FLAGS, type KeyFlag } from "../../hsm/memory/key-record.ts";
import type { HsmStore } from "../../hsm/memory/store.ts";
import { shownText } from "../../hsm/rules/plain-text.ts";
import { timeText } from "../design/format.ts";
import { mechanismsOf } from "./key-mechanisms.ts";
import type { ShownContents, ShownKey, ShownSetting, ShownUser } from "./shown.ts";

function shownUsers(users: readonly UserView[], keys: readonly KeyView[]): ShownUser[] {
  const owned = new Map<string, number>();
  for (const { owner } of keys) owned.set(owner, (owned.get(owner) ?? 0) + 1);
  return users.map((user) => ({
    id: user.id,
    name: shownText(user.username),
    role: user.role,
    locked: user.locked,
    failures: user.failures,
    keysOwned: owned.get(user.username) ?? 0,
  }));
}

const TYPE_TEXT: Readonly<Record<KeyView["type"], string>> = {
  aes: "AES",
  ec: "EC",
  "generic-secret": "Secret",
  rsa: "RSA",
};

/** `wrapWithTrusted` as the CloudHSM tools write it: `wrap-with-trusted`. */
function flagText(flag: KeyFlag): string {
  return flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** With its kind in words and what it can be asked for; whether it may be, the HSM decides. */
function shownKey(view: KeyView): ShownKey {
  return {
    handle: view.handle,
    label: shownText(view.label),
    kind: `${TYPE_TEXT[view.type]} ${view.curve ?? view.sizeBits}`,
    keyClass: view.class,
    idHex: view.id,
    owner: view.owner === "" ? "(deleted user)" : shownText(view.owner),
    sharedWith: view.sharedWith.map(shownText),
    attributes: KEY_FLAGS.filter((flag) => view.attributes[flag]).map(flagText),
    extractable: view.attributes.extractable,
    checkValue: view.checkValue ?? "",
    publicPem: view.publicKeyPem ?? "",
    ...mechanismsOf(view),
  };
}

const SERVICE_TEXT: readonly (readonly [QuorumService, string])[] = [
  ["user", "Managing users takes"],
  ["quorum", "Changing quorum values takes"],
  ["cluster", "Changing the cluster takes"],
  ["key-management", "Managing keys takes"],
  ["key-usage", "Using keys takes"],
  ["registration", "Registering quorum keys takes"],
];

function policySettings(policies: PoliciesView): ShownSetting[] {
  const { minPasswordCharacters: min, maxPasswordCharacters: max, lockoutThreshold } = policies;
  const quorums = SERVICE_TEXT.map(([service, name]) => {
    const approvals = policies.quorum[service];
    return { name, value: approvals === null ? "no approvals" : `${approvals} approvals` };
  });
  return [
    { name: "Password", value: `${min} to ${max} characters` },
    { name: "Lockout", value: `after more than ${lockoutThreshold} wrong passwords in a row` },
    ...quorums,
  ];
}

const instant = (ms: number | null): string => (ms === null ? "not yet" : timeText(ms));

function configurationSettings(view: ConfigurationView): ShownSetting[] {
  return [
    { name: "HSM type", value: view.hsmType },
    { name: "Mode", value: view.mode },
    { name: "Label", value: view.label === "" ? "none" : shownText(view.label) },
    { name: "Made", value: instant(view.createdAtMs) },
    { name: "Activated", value: instant(view.activatedAtMs) },
    pemSetting("Cluster certificate", view.clusterCertificatePem, "not yet issued", CLUSTER_FILE),
    pemSetting("Trust anchor", view.trustAnchorPem, "not yet given", TRUST_ANCHOR_FILE),
  ];
}

/** As the CloudHSM tools name it: a client of the restored cluster needs it. */
const TRUST_ANCHOR_FILE = "customerCA.crt";
const CLUSTER_FILE = "cluster.crt";

function pemSetting(
  name: string,
  pem: string | null,
  absent: string,
  saveAs: string,
): ShownSetting {
  return pem === null ? { name, value: absent } : { name, value: pem, saveAs };
}

/** Everything in `store` but secrets. */
export function readContents(store: HsmStore): ShownContents {
  const { configuration, policies, users, keys, certificates } = inventory(store);
  return {
    users: shownUsers(users, keys),
    keys: keys.map(shownKey),
    certificates: certificates.map((certificate) => ({
      id: certificate.id,
      subject: shownText(certificate.subject),
      issuer: shownText(certificate.issuer),
      serial: certificate.serialNumber,
      notBeforeMs: certificate.notBeforeMs,
      notAfterMs: certificate.notAfterMs,
      fingerprint: certificate.fingerprint,
      pem: certificate.pem,
    })),
    policies: policies === null ? [] : policySettings(policies),
    configuration: configuration === null ? [] : configurationSettings(configuration),
  };
}
