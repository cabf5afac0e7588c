/**
 * The story: from nothing to a restored HSM, on the public interfaces alone.
 *
 * The control plane is driven by an AWS SDK client, the rest by signed REST calls; this file knows
 * addresses and credentials, nothing of the inside. The offline proof at the end uses the engine
 * itself, with the recovery kit and without the edge.
 */
import { constants, randomBytes, verify } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { customerAuthority } from "../customer/authority.ts";
import { ControlPlane } from "../customer/control-plane.ts";
import { DataPlane, type Session } from "../customer/data-plane.ts";
import { type RestAccess, RestError } from "../customer/rest-client.ts";
import { trustedAuthorities } from "../customer/tools.ts";
import { answerTo } from "../recovery/answer.ts";
import { step } from "../terminal/progress.ts";
import { type StoryKey, storyKeys } from "./keys.ts";
import { openOffline } from "./open-offline.ts";
import { writeBackup } from "./sample.ts";
import { type NamedSecret, textSecret } from "./secret-forms.ts";

const OFFICER = "admin";
const USER = "alice";
const LOCKED_USER = "mallory";
const WRONG_LOGINS = 6;
const SIGNING_KEY = "document-signing";
const SIGNING_MECHANISM = "rsa-pss-sha256";
const DOCUMENT = Buffer.from("Signed by a key that was destroyed and restored.\n");

export interface StoryOptions {
  readonly access: RestAccess;
  /** The recovery kit, or null: then nothing is opened offline. */
  readonly kit: string | null;
  /** Where backup, public key and signature are left. */
  readonly folder: string;
}

/** What may be told of it afterwards: no secret among it. */
export interface StoryResult {
  readonly clusterId: string;
  readonly backupId: string;
  readonly userName: string;
  readonly stateDigest: string;
  readonly keys: number;
  readonly certificates: number;
}

export interface StoryOutcome {
  readonly result: StoryResult;
  readonly passwords: Record<string, string>;
  /** Every secret that was used, for the search that must not find one. */
  readonly secrets: readonly NamedSecret[];
}

interface Scene {
  readonly control: ControlPlane;
  readonly data: DataPlane;
  readonly clusterId: string;
  readonly passwords: Readonly<Record<string, string>>;
  readonly tokens: string[];
}

/** @throws Error with what did not come true. */
export async function runStory(options: StoryOptions): Promise<StoryOutcome> {
  mkdirSync(options.folder, { recursive: true });
  const passwords = {
    [OFFICER]: newPassword(),
    [USER]: newPassword(),
    [LOCKED_USER]: newPassword(),
  };
  const { scene, hsmId } = await openCluster(options.access, passwords);
  const { clusterId, data, control } = scene;
  const keys = storyKeys();
  const user = await addUsers(scene);
  const { handles, certificates } = await importMaterial(user, keys);
  const { backupId, sealed } = await backUp(scene, options.folder);
  // After it: the backup takes the wrong passwords of before into the state.
  const digest = await step("Read the state digest", async (note) => {
    const value = await data.stateDigest();
    note(short(value));
    return value;
  });

  await step("Delete the HSM: its memory is gone", () => control.deleteHsm(clusterId, hsmId));
  await step("Add a new HSM: the newest backup is restored onto it", async (note) => {
    note((await control.createHsm(clusterId)).HsmId ?? "");
  });
  await proveRestored(scene, { digest, handles, keys, folder: options.folder });
  if (options.kit !== null) {
    await proveKit(scene, options.kit);
    await proveOffline(sealed, options.kit, digest);
  }

  return {
    result: {
      clusterId,
      backupId,
      userName: USER,
      stateDigest: digest,
      keys: keys.length,
      certificates,
    },
    passwords,
    secrets: [
      ...keys.flatMap((key) => key.secrets),
      ...Object.entries(passwords).map(([name, text]) => textSecret(`password of ${name}`, text)),
      ...scene.tokens.map((token, index) => textSecret(`session ${index}`, token)),
    ],
  };
}

function newPassword(): string {
  return randomBytes(12).toString("base64url");
}

function short(digest: string): string {
  return `${digest.slice(0, 16)}…`;
}

async function openCluster(access: RestAccess, passwords: Record<string, string>) {
  const control = new ControlPlane(access);
  const cluster = await step("Create a cluster (CreateCluster)", async (note) => {
    const created = await control.createCluster();
    note(created.ClusterId ?? "");
    return created;
  });
  const clusterId = cluster.ClusterId ?? "";
  const hsm = await step("Add an HSM (CreateHsm)", async (note) => {
    const created = await control.createHsm(clusterId);
    note(created.HsmId ?? "");
    return created;
  });
  const preCo = await step("Sign its CSR and initialise the cluster", async (note) => {
    const described = await control.cluster(clusterId);
    const authority = await customerAuthority();
    note(`customer CA made by ${authority.madeBy}`);
    const signed = await authority.sign(described?.Certificates?.ClusterCsr ?? "");
    const initialized = await control.initializeCluster(clusterId, signed, authority.pem);
    return initialized.PreCoPassword ?? "";
  });
  const data = new DataPlane(access, clusterId);
  await step("Activate it: the first officer sets a password", async () => {
    await data.activate(preCo, passwords[OFFICER] ?? "");
    await control.clusterIn("ACTIVE", clusterId);
  });
  const scene: Scene = { control, data, clusterId, passwords, tokens: [] };
  return { scene, hsmId: hsm.HsmId ?? "" };
}

async function logIn(scene: Scene, username: string): Promise<Session> {
  const session = await scene.data.logIn(username, scene.passwords[username] ?? "");
  scene.tokens.push(session.token);
  return session;
}

async function addUsers(scene: Scene): Promise<Session> {
  return await step("Create crypto users; one of them gets locked", async (note) => {
    const officer = await logIn(scene, OFFICER);
    for (const name of [USER, LOCKED_USER]) {
      await officer.createUser(name, scene.passwords[name] ?? "", "CU");
    }
    for (let attempt = 0; attempt < WRONG_LOGINS; attempt++) {
      await refusedWith(["login_failed"], () => scene.data.logIn(LOCKED_USER, newPassword()));
    }
    note(`${USER}; ${LOCKED_USER} is locked after ${WRONG_LOGINS} wrong passwords`);
    return await logIn(scene, USER);
  });
}

async function importMaterial(user: Session, keys: readonly StoryKey[]) {
  const handles = await step("Import keys made by this machine's tools", async (note) => {
    const made: Record<string, number> = {};
    for (const key of keys) {
      made[key.attributes.label] = await user.importKey(key.material, key.attributes);
    }
    note([...new Set(keys.map((key) => key.madeBy))].join(", "));
    return made;
  });
  const certificates = await step("Import this machine's trusted authorities", async (note) => {
    const { certificates: pems, foundIn } = trustedAuthorities();
    const count = await user.importCertificates(pems.join("\n"));
    note(`${count} certificates from ${foundIn}`);
    return count;
  });
  return { handles, certificates };
}

async function backUp(scene: Scene, folder: string) {
  const row = await step("Back up now", async (note) => {
    const ready = await scene.data.backUp();
    note(`${ready.backupId}, ${ready.bodyBytes} bytes`);
    return ready;
  });
  return await step("Download the sealed file", async (note) => {
    const sealed = await scene.data.download(row.backupId);
    note(writeBackup(folder, sealed));
    return { backupId: row.backupId, sealed };
  });
}

interface Proof {
  readonly digest: string;
  readonly handles: Readonly<Record<string, number>>;
  readonly keys: readonly StoryKey[];
  readonly folder: string;
}

async function proveRestored(scene: Scene, proof: Proof): Promise<void> {
  await step("The state digest is the same", async (note) => {
    const restored = await scene.data.stateDigest();
    verifySame("state digest", restored, proof.digest);
    note(short(restored));
  });
  const user = await step("The same password logs in", () => logIn(scene, USER));
  await step("The restored key signs; the original public key verifies", async () => {
    const { publicKey } = keyNamed(proof.keys, SIGNING_KEY);
    const handle = proof.handles[SIGNING_KEY] ?? 0;
    const signature = await user.sign(handle, SIGNING_MECHANISM, DOCUMENT);
    const key = { key: publicKey ?? "", padding: constants.RSA_PKCS1_PSS_PADDING };
    if (!verify("sha256", DOCUMENT, key, signature)) {
      throw new Error("the signature of the restored key does not verify");
    }
    writeFileSync(join(proof.folder, "document.txt"), DOCUMENT);
    writeFileSync(join(proof.folder, "document.sig"), signature);
    writeFileSync(join(proof.folder, "public-key.pem"), publicKey ?? "");
  });
  await step("The same protections hold", async (note) => {
    const handle = proof.handles[SIGNING_KEY] ?? 0;
    await refusedWith(["key_not_extractable"], () => user.exportKey(handle));
    await refusedWith(["login_failed"], () => logIn(scene, LOCKED_USER)); // By the right password.
    note("non-extractable stays so, locked stays locked");
  });
}

/** Until then its backups are `unproven`. */
async function proveKit(scene: Scene, kit: string): Promise<void> {
  await step("Show that the recovery kit is there: answer a challenge with it", async (note) => {
    note(short(await scene.data.proveRecovery((challenge) => answerTo(challenge, kit))));
  });
}

async function proveOffline(sealed: Uint8Array, kit: string, digest: string): Promise<void> {
  await step("Open the downloaded file with the recovery kit, without the edge", async (note) => {
    const contents = await openOffline(sealed, kit);
    verifySame("state digest", contents.stateDigest, digest);
    const { users, keys, certificates } = contents;
    note(`${users} users, ${keys} keys, ${certificates} certificates`);
  });
}

function keyNamed(keys: readonly StoryKey[], label: string): StoryKey {
  const key = keys.find((one) => one.attributes.label === label);
  if (key === undefined) throw new Error(`the story has no key named ${label}`);
  return key;
}

function verifySame(what: string, got: string, expected: string): void {
  if (got !== expected) throw new Error(`${what}: expected ${expected}, got ${got}`);
}

/** Waits for a refusal with one of these codes; anything else is a failure of the story. */
async function refusedWith(codes: readonly string[], ask: () => Promise<unknown>): Promise<void> {
  try {
    await ask();
  } catch (error) {
    if (error instanceof RestError && codes.includes(error.code)) return;
    throw error;
  }
  throw new Error(`expected a refusal (${codes.join(" or ")}), and it was granted`);
}
