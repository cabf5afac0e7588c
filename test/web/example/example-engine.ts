/**
 * A worker with example data and no cryptography, for looking at the pages while they are designed.
 *
 * Not part of any build. The backup file's name chooses what happens: "damaged" fails in the
 * chunks, "wrong" fails at the key block, anything else verifies.
 */
import { type Service, serve } from "../../../src/web/engine/calls.ts";
import {
  CHECKS,
  type CheckId,
  type CheckReport,
  type ShownBackup,
  type ShownContents,
  type ShownKey,
  type ShownRefusal,
} from "../../../src/web/engine/shown.ts";

const hex = (length: number, seed: number): string =>
  Array.from({ length }, (_, i) =>
    ((i * 7 + seed * 13 + ((i * seed) % 11)) % 16).toString(16),
  ).join("");

const KINDS = [
  { kind: "AES 256", keyClass: "secret" },
  { kind: "AES 128", keyClass: "secret" },
  { kind: "EC P-256", keyClass: "private" },
  { kind: "RSA 3072", keyClass: "private" },
  { kind: "generic 512", keyClass: "secret" },
] as const;

const LABELS = [
  "payments/card-vault",
  "code-signing/release",
  "tls/edge-terminator",
  "db/tde-master",
  "<img src=x onerror=alert(1)>",
];

function key(index: number): ShownKey {
  const kind = KINDS[index % KINDS.length] ?? KINDS[0];
  const asymmetric = kind.keyClass === "private";
  return {
    ...kind,
    handle: index + 1,
    label: index === 0 ? "" : `${LABELS[index % LABELS.length]}-${index}`,
    idHex: hex(8, index),
    owner: ["payments", "release_bot", "tls_ops"][index % 3] ?? "",
    sharedWith: index % 4 === 0 ? ["auditor_app"] : [],
    attributes: [
      "token",
      "private",
      "sensitive",
      "extractable",
      "destroyable",
      ...(asymmetric ? ["sign"] : ["encrypt", "decrypt", "wrap", "unwrap"]),
    ].filter((name) => name !== "extractable" || index % 3 !== 0),
    extractable: index % 3 !== 0,
    checkValue: hex(6, index),
    signsWith: asymmetric ? ["ECDSA_SHA256", "ECDSA_SHA384"] : [],
    verifiesWith: asymmetric ? ["ECDSA_SHA256", "ECDSA_SHA384"] : [],
    encryptsWith: asymmetric ? [] : ["AES_GCM"],
    decryptsWith: asymmetric ? [] : ["AES_GCM"],
    exportsAs: asymmetric ? ["pem", "jwk"] : ["hex", "jwk"],
    publicPem: asymmetric ? "-----BEGIN PUBLIC KEY-----\n" : "",
  };
}

const CONTENTS: ShownContents = {
  users: [
    { id: 1, name: "admin", role: "CO", locked: false, failures: 0, keysOwned: 0 },
    { id: 2, name: "app_user", role: "AU", locked: false, failures: 0, keysOwned: 0 },
    { id: 3, name: "payments", role: "CU", locked: false, failures: 2, keysOwned: 5556 },
    { id: 4, name: "release_bot", role: "CU", locked: false, failures: 0, keysOwned: 5555 },
    { id: 5, name: "former_colleague", role: "CU", locked: true, failures: 6, keysOwned: 5555 },
  ],
  keys: Array.from({ length: 16_666 }, (_, index) => key(index)),
  certificates: [
    {
      id: 1,
      subject: "CN=edge.example.org, O=Example",
      issuer: "CN=Example Issuing CA 2, O=Example",
      serial: "01",
      notBeforeMs: 1.75e12,
      notAfterMs: 1.82e12,
      fingerprint: hex(64, 3),
      pem: "-----BEGIN CERTIFICATE-----\n",
    },
    {
      id: 2,
      subject: "CN=Example Root, O=Example",
      issuer: "CN=Example Root, O=Example",
      serial: "02",
      notBeforeMs: 1.3e12,
      notAfterMs: 1.7e12,
      fingerprint: hex(64, 5),
      pem: "-----BEGIN CERTIFICATE-----\n",
    },
  ],
  policies: [
    { name: "Password length", value: "8 to 32" },
    { name: "Locks after", value: "5 wrong passwords" },
  ],
  configuration: [
    { name: "HSM type", value: "hsm2m.medium" },
    {
      name: "Cluster certificate",
      value: `-----BEGIN CERTIFICATE-----\n${hex(256, 2)}\n-----END CERTIFICATE-----`,
      saveAs: "cluster.crt",
    },
    {
      name: "Trust anchor",
      value: `-----BEGIN CERTIFICATE-----\n${hex(256, 3)}\n-----END CERTIFICATE-----`,
      saveAs: "customerCA.crt",
    },
  ],
};

const FACTS: ShownBackup = {
  fileName: "backup-a1b2c3d4e5f.hbk",
  fileBytes: 7_345_678,
  sealed: true,
  backupId: "backup-a1b2c3d4e5f",
  clusterId: "cluster-x7hq2m4kzpa",
  lineageId: "cluster-x7hq2m4kzpa",
  hsmType: "hsm2m.medium",
  mode: "FIPS",
  manufacturer: "Holdfast development",
  region: "eu-west-1",
  createdAtMs: Date.UTC(2026, 10, 21, 3, 17),
  chainNumber: 42,
  previousDigest: hex(64, 1),
  containerDigest: hex(64, 2),
  stateDigest: hex(64, 7),
  newerKnown: null,
  heldAt: "123456789012 / eu-west-1 / cluster-x7hq2m4kzpa / backup-a1b2c3d4e5f",
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const refusal = (code: string): ShownRefusal => ({
  code,
  title: code === "chunk_damaged" ? "The backup is damaged" : "The operator key (AKBK) is missing",
  message:
    code === "chunk_damaged"
      ? "The backup is damaged in chunk 17: the file was changed. Take another copy."
      : "The key under which this backup was made is absent here. Take the kit of that operator.",
});

class Refused extends Error {
  readonly refusal: ShownRefusal;
  constructor(code: string) {
    super(code);
    this.refusal = refusal(code);
  }
}

/** The check at which a file of this name fails, if any. */
function failing(name: string): [CheckId, string] | null {
  if (name.includes("damaged")) return ["chunks", "chunk_damaged"];
  return name.includes("wrong") ? ["key_block", "key_mismatch"] : null;
}

async function walk(name: string, report: (report: CheckReport) => void): Promise<void> {
  for (const check of CHECKS) {
    const parts = check === "chunks" ? 20 : 1;
    for (let part = 0; part < parts; part++) {
      report({ check, state: "running", progress: parts > 1 ? part / parts : null });
      await pause(80);
    }
    const [failed, code] = failing(name) ?? [null, ""];
    report({ check, state: failed === check ? "failed" : "held", progress: null });
    if (failed === check) throw new Refused(code);
  }
}

function service(report: (report: CheckReport) => void): Service {
  const bytes = new Uint8Array(70).map((_, i) => i * 37);
  return {
    identify: (file) => (file.name.endsWith(".hbk") ? "sealed" : null),
    answer: () => hex(32, 9),
    readKit: () => ({
      operator: "Example operator",
      manufacturer: "Holdfast development",
      createdAt: "2026-11-01T10:00:00.000Z",
      recoveryKeyIds: [hex(32, 4)],
      mkbkCount: 1,
      akbkCount: 2,
    }),
    open: async (file) => {
      await walk(file.name, report);
      return { facts: FACTS, contents: CONTENTS };
    },
    contents: () => CONTENTS,
    login: async (name, password) => {
      await pause(600);
      if (password === "wrong-password") throw new Refused("login_failed");
      return { userName: name, role: "CU" };
    },
    logout: () => null,
    sign: () => bytes,
    verify: () => true,
    encrypt: () => bytes,
    decrypt: () => new TextEncoder().encode("attack at dawn"),
    exportKey: (handle) => {
      if (handle % 3 === 1) throw new Refused("key_not_extractable");
      return {
        fileName: `key-${handle}.pem`,
        text: "-----BEGIN PRIVATE KEY-----\nMIG…\n-----END PRIVATE KEY-----\n",
      };
    },
    forget: () => null,
  };
}

declare const self: Parameters<typeof serve>[0];

serve(
  self,
  (_module, report) => service(report),
  (error) => (error instanceof Refused ? error.refusal : refusal("broken")),
);
