/**
 * A small backup with everything the pages show, made on the spot, and kits that do and do not fit
 * it.
 *
 * Users and passwords are those of test/lib/hsm.ts; `mallory` is locked.
 */

import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { type BackupOrder, createBackup } from "../../src/backup/create.ts";
import { parseAgePublicKey } from "../../src/backup/format/age-keys.ts";
import { parseKit } from "../../src/backup/kit/kit.ts";
import { challengeDocument, makeChallenge } from "../../src/backup/seal/recovery-challenge.ts";
import { encodeHex } from "../../src/crypto/base-encodings.ts";
import { snapshotSource } from "../../src/hsm/memory/snapshot.ts";
import { changeKey, changeUsername } from "../hsm/memory/records.ts";
import { activeHsm, type Cast, passwordOf } from "../lib/hsm.ts";
import { testSecrets } from "../lib/mf.ts";

/** Markup that would run if it were ever treated as such. */
export const HOSTILE_LABEL = `<img src=x onerror="globalThis.pwned=1">&lt;b&gt;`;
/** As stored, by a build that took such labels, and as it is to be shown. */
export const STRANGE_LABEL = {
  stored: "fdp.\u202eeciovni\0",
  shown: "fdp.⟨U+202E⟩eciovni⟨U+0000⟩",
};
/** A user whose name no HSM gives; the password is that of `eve`. */
export const STRANGE_NAME = { stored: "e\u200bve", shown: "e⟨U+200B⟩ve" };
export const SIGNING_LABEL = "code-signing/release";
export const KEPT_LABEL = "payments/vault-key";
export const AES_LABEL = "database/master";

export interface SampleBackup {
  readonly sealed: Buffer;
  /** Key block and container, without a seal. */
  readonly bare: Buffer;
  readonly kit: string;
  readonly stateDigest: string;
  /** For its recovery key: the document, and what the kit answers. */
  readonly challenge: { readonly document: object; readonly answer: string };
  /** PEM of the key labelled `SIGNING_LABEL`, as it was imported. */
  readonly signingKeyPem: string;
  readonly signingPublicPem: string;
}

function pem(name: string): string {
  return readFileSync(new URL(`../hsm/certificates/${name}.pem`, import.meta.url), "utf8");
}

interface SigningKey {
  readonly privatePem: string;
  readonly publicPem: string;
}

async function fill(cast: Cast): Promise<SigningKey> {
  const { hsm, admin, alice, bob } = cast;
  const pair = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const uses = { sign: true, verify: true };
  const signing = await hsm.importKey(alice, {
    material: { format: "pem", pem: pair.privateKey },
    attributes: { label: SIGNING_LABEL, id: "c0de", extractable: true, ...uses },
  });
  await hsm.shareKey(alice, signing.handle, "bob");
  await hsm.generateKeyPair(alice, {
    type: "rsa",
    sizeBits: 2048,
    attributes: { label: KEPT_LABEL, extractable: false, ...uses },
  });
  const cipher = { encrypt: true, decrypt: true };
  const aes = { label: AES_LABEL, extractable: true, ...cipher };
  await hsm.generateKey(bob, { type: "aes", sizeBits: 256, attributes: aes });
  const secret = { label: HOSTILE_LABEL, sign: true, verify: true };
  await hsm.generateKey(alice, { type: "generic-secret", sizeBits: 256, attributes: secret });
  await hsm.importCertificates(alice, `${pem("leaf")}${pem("intermediate")}${pem("ca")}`);
  await hsm.createUser(admin, { username: "mallory", role: "CU", password: passwordOf("mallory") });
  for (let attempt = 0; attempt < 6; attempt++) {
    await hsm.login("mallory", "wrong-password").catch(() => undefined);
  }
  hsm.mergeAttempts(); // As an HSM does before it makes a backup.
  await addStrangers(cast);
  return { privatePem: pair.privateKey, publicPem: pair.publicKey };
}

/** A user and their key, named behind the rules of today. */
async function addStrangers({ hsm, admin, store }: Cast): Promise<void> {
  await hsm.createUser(admin, { username: "eve", role: "CU", password: passwordOf("eve") });
  const eve = (await hsm.login("eve", passwordOf("eve"))).token;
  const aes = { type: "aes", sizeBits: 256, attributes: { encrypt: true } } as const;
  const { handle } = await hsm.generateKey(eve, aes);
  changeKey(store, handle, { label: STRANGE_LABEL.stored });
  changeUsername(store, "eve", STRANGE_NAME.stored);
}

const ORIGIN: BackupOrder["origin"] = {
  backupId: "backup-sampleaaaaa",
  clusterId: "cluster-sampleaaaa",
  lineageId: "cluster-sampleaaaa",
  hsmType: "hsm2m.medium",
  mode: "FIPS",
  region: "us-east-1",
  createdAtMs: Date.UTC(2026, 0, 31, 12),
  chainNumber: 7,
  previousDigest: new Uint8Array(32).fill(7),
};

export async function makeSampleBackup(): Promise<SampleBackup> {
  const cast = await activeHsm();
  const signing = await fill(cast);
  const { bindings, kit } = await testSecrets();
  using keys = parseKit(kit);
  const parts: Uint8Array[] = [];
  const body: Uint8Array[] = [];
  let envelope: Uint8Array = new Uint8Array(0);
  const platform = {
    core: cast.core,
    subtle: crypto.subtle,
    random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
  };
  const { clusterId, backupId, region } = ORIGIN;
  const bytes = parseAgePublicKey(bindings["RECOVERY_PUBLIC_KEY"] ?? "");
  const publicKey = { algorithm: "hybrid" as const, bytes };
  const created = await createBackup(
    platform,
    keys.ring,
    {
      kms: null,
      recoveryKeys: [publicKey],
    },
    {
      origin: ORIGIN,
      location: { account: "123456789012", region, clusterId, backupId },
      source: snapshotSource(cast.store),
    },
    {
      spool: {
        write: (made) => void parts.push(...made),
        read: () => parts,
      },
      putBody: async (_sealId, _byteLength, made) => {
        for await (const piece of made) body.push(piece);
      },
      putEnvelope: (_sealId, made) => {
        envelope = made;
        return Promise.resolve();
      },
    },
  );
  const { challenge, answer } = await makeChallenge(platform, publicKey);
  return {
    challenge: { document: challengeDocument(challenge), answer },
    sealed: Buffer.concat([envelope, ...body]),
    bare: Buffer.concat([created.keyBlock, ...parts]),
    kit,
    stateDigest: encodeHex(created.stateDigest),
    signingKeyPem: signing.privatePem,
    signingPublicPem: signing.publicPem,
  };
}

interface KitDocument {
  manufacturer: string;
  recoveryKeys: [{ kind: string; id: string; secretKey: string }];
  mkbk: { id: string; key: string }[];
  akbk: { id: string; key: string }[];
}

const OTHER_ID = "ab".repeat(16);
const OTHER_KEY = Buffer.alloc(32, 0x5a).toString("base64");

/** The same kit after `change`. */
export function changedKit(kit: string, change: (document: KitDocument) => void): string {
  const document: KitDocument = JSON.parse(kit);
  change(document);
  return JSON.stringify(document);
}

/**
 * One way for each key in which a kit can be the wrong one, and the title the page shows for it.
 */
export const WRONG_KITS: readonly {
  readonly title: string;
  readonly code: string;
  readonly change: (document: KitDocument) => void;
}[] = [
  {
    title: "The recovery key is another one",
    code: "key_mismatch_recovery",
    change: (kit) => {
      kit.recoveryKeys[0].id = OTHER_ID;
    },
  },
  {
    title: "The manufacturer key (MKBK) is missing",
    code: "key_mismatch_mkbk",
    change: (kit) => {
      for (const version of kit.mkbk) version.id = OTHER_ID;
    },
  },
  {
    title: "The operator key (AKBK) is missing",
    code: "key_mismatch_akbk",
    change: (kit) => {
      for (const version of kit.akbk) version.id = OTHER_ID;
    },
  },
  {
    title: "One of the two key backup keys is wrong",
    code: "key_mismatch_pbk",
    change: (kit) => {
      for (const version of kit.akbk) version.key = OTHER_KEY;
    },
  },
  {
    title: "The manufacturer is another one",
    code: "manufacturer_mismatch",
    change: (kit) => {
      kit.manufacturer = "Another manufacturer";
    },
  },
];
