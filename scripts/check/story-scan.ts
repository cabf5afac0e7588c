/**
 * The story on an edge of its own, then a search of all that it left for every secret it used.
 */
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryFile } from "../../src/backup/file.ts";
import { inspectBackup, tellableDigest } from "../../src/backup/inspect.ts";
import { parseKit } from "../../src/backup/kit/kit.ts";
import type { RecoveryKey } from "../../src/backup/seal/recovery-keys.ts";
import { Core } from "../../src/crypto/core.ts";
import { encodePem } from "../../src/crypto/pem.ts";
import { compileCore } from "../core/module.ts";
import { CrashRig } from "../crash/rig.ts";
import { type DevelopmentSecrets, generateSecrets } from "../edge/dev-secrets.ts";
import {
  type Finding,
  type NamedSecret,
  privateKeySecrets,
  scanFolders,
  textSecret,
} from "../story/secret-forms.ts";
import { runStory } from "../story/story.ts";

export interface ScanReport {
  readonly secrets: number;
  /** Of the secrets, digests of records that hold one. */
  readonly digests: number;
  readonly files: readonly string[];
  readonly bytes: number;
  readonly findings: readonly Finding[];
  /** What the same search finds once a canary lies in each kind of file: proof that it can find. */
  readonly canaries: readonly Finding[];
}

/** Runs the story, stops the edge, and searches its databases, objects, logs and story folder. */
export async function scanAfterStory(): Promise<ScanReport> {
  const deployment = await generateSecrets();
  const rig = await CrashRig.create(deployment.bindings);
  const folder = mkdtempSync(join(tmpdir(), "holdfast-story-"));
  try {
    await rig.start();
    const story = await runStory({ access: rig.access, kit: deployment.kit, folder });
    await rig.kill(); // Not stopped in good order: the write-ahead logs stay as they are.
    const digests = await recordDigests(folder, deployment.kit);
    const secrets = [...story.secrets, ...deploymentSecrets(deployment), ...digests];
    const places = [rig.state, rig.logs, folder];
    const { findings, files, bytes } = scanFolders(secrets, places);
    const count = { secrets: secrets.length, digests: digests.length };
    return { ...count, files, bytes, findings, canaries: plant(places) };
  } finally {
    await rig.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A secret of ours in a new file of each place, and at the end of a file that is there. */
function plant(places: readonly string[]): Finding[] {
  const canary: NamedSecret = { name: "canary", bytes: randomBytes(32) };
  const [someFile] = scanFolders([], places).files;
  if (someFile === undefined) throw new Error("there is no file to plant a canary in");
  appendFileSync(someFile, canary.bytes);
  for (const place of places) {
    writeFileSync(join(place, "canary"), Buffer.from(canary.bytes).toString("base64"));
  }
  return scanFolders([canary], places).findings;
}

/** Digests of users and keys in the story's backups: a short secret is found from one by trying. */
async function recordDigests(folder: string, kitText: string): Promise<NamedSecret[]> {
  using core = new Core(await compileCore());
  using kit = parseKit(kitText);
  const openers = { kms: null, recoveryKeys: kit.recoveryKeys };
  const secrets: NamedSecret[] = [];
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".hbk"))) {
    const file = memoryFile(readFileSync(join(folder, name)));
    const platform = { core, subtle: crypto.subtle };
    const { manifest } = await inspectBackup(platform, kit.ring, openers, file);
    for (const entry of manifest.filter((one) => tellableDigest(one) === null)) {
      const of = `${entry.type}/${entry.id} of ${name}`;
      secrets.push({ name: `digest of record ${of}`, bytes: entry.digest });
    }
  }
  return secrets;
}

/** What the variables and the kit hold besides names and public keys. */
function deploymentSecrets({ bindings, kit }: DevelopmentSecrets): NamedSecret[] {
  const values = (name: string) => JSON.parse(bindings[name] ?? "null") as Record<string, unknown>;
  const accessKeys = values("ACCESS_KEYS") as unknown as { secretAccessKey: string }[];
  const keys = (name: string, list: unknown) =>
    (list as { key: string }[]).map(({ key }, index) => ({
      name: `${name} ${index}`,
      bytes: Buffer.from(key, "base64"),
    }));
  const roots = Object.entries(values("MANUFACTURER_CA") as Record<string, { key: string }>);
  using parsed = parseKit(kit);
  return [
    ...accessKeys.map((key, index) => textSecret(`access key ${index}`, key.secretAccessKey)),
    ...keys("MKBK", values("MANUFACTURER")["mkbk"]),
    ...keys("AKBK", values("OPERATOR")["akbk"]),
    ...keys("CMK", values("LOCAL_KMS")["keys"]),
    { name: "storage key", bytes: Buffer.from(bindings["STORAGE_KEY"] ?? "", "base64") },
    ...roots.flatMap(([name, { key }]) => privateKeySecrets(`${name} root`, key)),
    ...parsed.recoveryKeys.flatMap(recoverySecrets),
  ];
}

/** The scan looks for a seed in Bech32 as well. */
function recoverySecrets(key: RecoveryKey): NamedSecret[] {
  const name = `recovery key ${key.id}`;
  if (key.algorithm === "hybrid") return [{ name, bytes: key.seed.use((bytes) => bytes.slice()) }];
  return privateKeySecrets(
    name,
    key.pkcs8.use((der) => encodePem("PRIVATE KEY", der)),
  );
}
