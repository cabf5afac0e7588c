/**
 * The environment, read once: unchecked variables in, a checked `Deployment` out.
 *
 * Spec: docs/DEPLOY.md, the table of variables. Keys of the HSMs are not here: opening/secrets.ts
 * reads them, for those who may have them.
 */
import * as z from "zod";
import type { RecoveryPublicKey } from "../../backup/seal/recovery-keys.ts";
import { fnv1a } from "../../cluster/ids.ts";
import type { AccessRole } from "../../cluster/permissions.ts";
import type {
  HsmObject,
  Namespace,
  RegionObject,
  RegistryObject,
} from "../contracts/durable-objects.ts";
import type { HsmLocation } from "../contracts/place.ts";
import type { ReaderApi } from "../contracts/reader-api.ts";
import { Bucket } from "./bucket.ts";
import { MAX_RECOVERY_KEYS, MAX_RETIRED_RECOVERY_KEYS, publicKeysOf } from "./recovery-keys.ts";
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
  readonly RETIRED_RECOVERY_KEYS?: string;
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
  /** Earlier ones: what older backups are sealed for is checked by them. */
  readonly retiredRecoveryKeys: readonly RecoveryPublicKey[];
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
    recoveryKeys: publicKeysOf("RECOVERY_PUBLIC_KEY", env.RECOVERY_PUBLIC_KEY, MAX_RECOVERY_KEYS),
    retiredRecoveryKeys: publicKeysOf(
      "RETIRED_RECOVERY_KEYS",
      env.RETIRED_RECOVERY_KEYS,
      MAX_RETIRED_RECOVERY_KEYS,
    ),
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
