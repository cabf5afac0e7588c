/**
 * The environment, read once: unchecked variables in, a checked `Deployment` out.
 *
 * Spec: docs/DEPLOY.md, the table of variables. Keys of the HSMs are not here: opening/secrets.ts
 * reads them, for those who may have them.
 */
import * as z from "zod";
import { AgeKeyError, parseAgePublicKey } from "../../backup/format/age-keys.ts";
import { MAX_RECIPIENTS } from "../../backup/format/layout.ts";
import { isRecoverySpki } from "../../backup/format/recovery-spki.ts";
import type { RecoveryPublicKey } from "../../backup/seal/recovery-keys.ts";
import { fnv1a } from "../../cluster/ids.ts";
import type { AccessRole } from "../../cluster/permissions.ts";
import { decodeBase64, encodeBase64 } from "../../crypto/base-encodings.ts";
import type {
  HsmObject,
  Namespace,
  RegionObject,
  RegistryObject,
} from "../contracts/durable-objects.ts";
import type { HsmLocation } from "../contracts/place.ts";
import type { ReaderApi } from "../contracts/reader-api.ts";
import { Bucket } from "./bucket.ts";
import { type Schedule, scheduleVariable } from "./schedule.ts";
import { jsonVariable } from "./variables.ts";

/** What the platform hands the worker: bindings of wrangler.toml, and variables as text. */
export interface Env {
  readonly ASSETS: Fetcher;
  readonly REGION: Namespace<RegionObject>;
  readonly HSM: Namespace<HsmObject>;
  readonly READER: Namespace<ReaderApi>;
  readonly REGISTRY: Namespace<RegistryObject>;
  readonly ACCESS_KEYS?: string;
  readonly RECOVERY_PUBLIC_KEY?: string;
  readonly SCHEDULE?: string;
  readonly PAUSE_AT?: string;
}

export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** 12 digits. */
  readonly account: string;
  readonly role: AccessRole;
}

export interface Deployment {
  readonly accessKeys: readonly AccessKey[];
  /** Empty: backups of this deployment are not restorable offline. */
  readonly recoveryKeys: readonly RecoveryPublicKey[];
  readonly schedule: Schedule;
  /** Name of the storage step after which this process stops dead; null outside crash tests. */
  readonly pauseAt: string | null;
  /** Regions that have a bucket, ascending. */
  readonly regions: readonly string[];
  /** The region's bucket; null if this deployment does not serve it. */
  bucket(region: string): Bucket | null;
  hsm(location: HsmLocation): HsmObject;
  region(account: string, region: string): RegionObject;
  /** One of a few. @param subject - id of the backup to open; for anything else, the region. */
  reader(account: string, subject: string): ReaderApi;
  registry(): RegistryObject;
}

const deployments = new WeakMap<Env, Deployment>();

/**
 * The checked form of `env`; parsed once per environment.
 *
 * @throws Error naming the variable that is missing or malformed.
 */
export function deploymentOf(env: Env): Deployment {
  const known = deployments.get(env);
  if (known !== undefined) return known;
  const deployment = readDeployment(env);
  deployments.set(env, deployment);
  return deployment;
}

const accessKeysVariable = z
  .array(
    z.object({
      accessKeyId: z.string().regex(/^[A-Za-z0-9]{16,128}$/),
      secretAccessKey: z.string().min(16),
      account: z.string().regex(/^\d{12}$/),
      role: z.enum(["owner", "operator", "auditor"]),
    }),
  )
  .min(1);

function readDeployment(env: Env): Deployment {
  const schedule = jsonVariable("SCHEDULE", env.SCHEDULE || "{}", scheduleVariable);
  const buckets = bucketsOf(env, schedule);
  return {
    accessKeys: jsonVariable("ACCESS_KEYS", env.ACCESS_KEYS, accessKeysVariable),
    recoveryKeys: recoveryKeysOf(env.RECOVERY_PUBLIC_KEY ?? ""),
    schedule,
    pauseAt: env.PAUSE_AT || null,
    regions: [...buckets.keys()].sort(),
    bucket: (region) => buckets.get(region) ?? null,
    hsm: ({ account, region, hsmId }) =>
      env.HSM.get(env.HSM.idFromName(`${account}/${region}/${hsmId}`)),
    region: (account, region) => env.REGION.get(env.REGION.idFromName(`${account}/${region}`)),
    reader: (account, subject) =>
      env.READER.get(env.READER.idFromName(`reader/${fnv1a(`${account}/${subject}`) % READERS}`)),
    registry: () => env.REGISTRY.get(env.REGISTRY.idFromName("registry")),
  };
}

/**
 * Public keys, separated by white space: as age writes them, or SPKI in base64. Nobody could open what
 * another form of key had wrapped.
 */
function recoveryKeysOf(text: string): RecoveryPublicKey[] {
  const keys = text
    .split(/\s+/)
    .filter((word) => word !== "")
    .map(recoveryKeyOf);
  if (keys.length > MAX_RECOVERY_KEYS) throw refusedKeys(`more than ${MAX_RECOVERY_KEYS} keys`);
  const names = new Set(keys.map(({ bytes }) => encodeBase64(bytes)));
  if (names.size !== keys.length) throw refusedKeys("one key twice");
  return keys;
}

function recoveryKeyOf(text: string): RecoveryPublicKey {
  const spki = decodeBase64(text);
  if (spki !== null && isRecoverySpki(spki)) return { algorithm: "rsa", bytes: spki };
  try {
    return { algorithm: "hybrid", bytes: parseAgePublicKey(text) };
  } catch (error) {
    if (!(error instanceof AgeKeyError)) throw error;
    const rsa = "nor is it the SPKI of an RSA key of 3,072 bits with exponent 65,537";
    throw refusedKeys(`${error.message.slice(0, -1)}; ${rsa}`);
  }
}

function refusedKeys(why: string): Error {
  return new Error(`variable RECOVERY_PUBLIC_KEY: ${why}`);
}

/** Beside the KMS, as many recipients as an envelope has. */
const MAX_RECOVERY_KEYS: number = MAX_RECIPIENTS - 1;

/** Few and fixed: the platform keeps a file for every object that was ever named. */
const READERS = 4;

const BUCKET_PREFIX = "BACKUPS_";

/** Bindings BACKUPS_US_EAST_1 and so on, by the region they serve. */
function bucketsOf(env: Env, schedule: Schedule): Map<string, Bucket> {
  const buckets = new Map<string, Bucket>();
  for (const [name, binding] of Object.entries(env)) {
    if (!name.startsWith(BUCKET_PREFIX) || !isBucket(binding)) continue;
    const region = name.slice(BUCKET_PREFIX.length).toLowerCase().replaceAll("_", "-");
    buckets.set(region, new Bucket(binding, schedule));
  }
  if (buckets.size === 0) throw new Error("no bucket is bound: bind BACKUPS_<REGION> to one");
  return buckets;
}

function isBucket(binding: unknown): binding is R2Bucket {
  return typeof binding === "object" && binding !== null && "put" in binding && "list" in binding;
}
