/**
 * The environment, read once: unchecked variables in, a checked `Deployment` out.
 *
 * Spec: docs/DEPLOY.md, the table of variables. An error names the variable and what is wrong with
 * it, never its value. After this file nobody parses a variable again.
 */
import * as z from "zod";
import type { KeyVersion } from "../../backup/format/keys.ts";
import type { CustomerKey } from "../../backup/seal/kms.ts";
import type { AccessRole } from "../../cluster/permissions.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import type { HsmObject, Objects, RegionObject, RegistryObject } from "../contracts/objects.ts";
import type { HsmLocation } from "../contracts/place.ts";
import { type Schedule, scheduleVariable } from "./schedule.ts";

/** What the platform hands the worker: bindings of wrangler.toml, and variables as text. */
export interface Env {
  readonly ASSETS: Fetcher;
  readonly REGION: Objects<RegionObject>;
  readonly HSM: Objects<HsmObject>;
  readonly REGISTRY: Objects<RegistryObject>;
  readonly ACCESS_KEYS?: string;
  readonly MANUFACTURER?: string;
  readonly OPERATOR?: string;
  readonly LOCAL_KMS?: string;
  readonly STORAGE_KEY?: string;
  readonly RECOVERY_PUBLIC_KEY?: string;
  readonly MANUFACTURER_CA?: string;
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

/** A certificate authority: certificate and PKCS#8 private key, both PEM. */
export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

export interface Deployment {
  readonly accessKeys: readonly AccessKey[];
  readonly manufacturer: { readonly name: string; readonly mkbk: readonly KeyVersion[] };
  readonly operator: { readonly name: string; readonly akbk: readonly KeyVersion[] };
  readonly localKms: { readonly keys: readonly CustomerKey[] };
  /** 32 bytes. */
  readonly storageKey: SecretKey;
  /** SPKI, DER; null: backups of this deployment are not restorable offline. */
  readonly recoveryPublicKey: Uint8Array | null;
  /** `manufacturer` and `operator` roots sign an HSM's hardware certificates. */
  readonly manufacturerCa: { readonly manufacturer: Authority; readonly operator: Authority };
  readonly schedule: Schedule;
  /** Name of the storage step after which this process stops dead; null outside crash tests. */
  readonly pauseAt: string | null;
  /** Regions that have a bucket, ascending. */
  readonly regions: readonly string[];
  /** The region's bucket; null if this deployment does not serve it. */
  bucket(region: string): R2Bucket | null;
  hsm(location: HsmLocation): HsmObject;
  region(account: string, region: string): RegionObject;
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

const base64Bytes = z.base64().transform((text) => bytesOfBase64(text));
const secret32 = base64Bytes
  .refine((bytes) => bytes.length === 32, "expected 32 bytes in base64")
  .transform((bytes) => new SecretKey(bytes));
const keyState = z.enum(["active", "retired", "destroyed"]);
const keyBackupKeys = z
  .array(
    z.object({
      id: z
        .string()
        .regex(/^[0-9a-f]{32}$/)
        .transform(bytesOfHex),
      version: z.int().min(1).max(0xffff_ffff),
      state: keyState,
      key: secret32.nullable(),
    }),
  )
  .min(1);
const authority = z.object({ certificate: z.string().min(1), key: z.string().min(1) });

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
const manufacturerVariable = z.object({ name: z.string().min(1).max(64), mkbk: keyBackupKeys });
const operatorVariable = z.object({ name: z.string().min(1).max(64), akbk: keyBackupKeys });
const kmsVariable = z.object({
  keys: z
    .array(z.object({ id: z.string().min(1).max(64), key: secret32.nullable(), state: keyState }))
    .min(1),
});
const caVariable = z.object({ manufacturer: authority, operator: authority });

function readDeployment(env: Env): Deployment {
  const buckets = bucketsOf(env);
  return {
    accessKeys: json("ACCESS_KEYS", env.ACCESS_KEYS, accessKeysVariable),
    manufacturer: json("MANUFACTURER", env.MANUFACTURER, manufacturerVariable),
    operator: json("OPERATOR", env.OPERATOR, operatorVariable),
    localKms: json("LOCAL_KMS", env.LOCAL_KMS, kmsVariable),
    storageKey: checked("STORAGE_KEY", env.STORAGE_KEY, secret32),
    recoveryPublicKey: env.RECOVERY_PUBLIC_KEY
      ? checked("RECOVERY_PUBLIC_KEY", env.RECOVERY_PUBLIC_KEY, base64Bytes)
      : null,
    manufacturerCa: json("MANUFACTURER_CA", env.MANUFACTURER_CA, caVariable),
    schedule: json("SCHEDULE", env.SCHEDULE || "{}", scheduleVariable),
    pauseAt: env.PAUSE_AT || null,
    regions: [...buckets.keys()].sort(),
    bucket: (region) => buckets.get(region) ?? null,
    hsm: ({ account, region, hsmId }) =>
      env.HSM.get(env.HSM.idFromName(`${account}/${region}/${hsmId}`)),
    region: (account, region) => env.REGION.get(env.REGION.idFromName(`${account}/${region}`)),
    registry: () => env.REGISTRY.get(env.REGISTRY.idFromName("registry")),
  };
}

const BUCKET_PREFIX = "BACKUPS_";

/** Bindings BACKUPS_US_EAST_1 and so on, by the region they serve. */
function bucketsOf(env: Env): Map<string, R2Bucket> {
  const buckets = new Map<string, R2Bucket>();
  for (const [name, binding] of Object.entries(env)) {
    if (!name.startsWith(BUCKET_PREFIX) || !isBucket(binding)) continue;
    buckets.set(name.slice(BUCKET_PREFIX.length).toLowerCase().replaceAll("_", "-"), binding);
  }
  if (buckets.size === 0) throw new Error("no bucket is bound: bind BACKUPS_<REGION> to one");
  return buckets;
}

function isBucket(binding: unknown): binding is R2Bucket {
  return typeof binding === "object" && binding !== null && "put" in binding && "list" in binding;
}

function json<T extends z.ZodType>(name: string, text: string | undefined, schema: T): z.output<T> {
  let value: unknown;
  try {
    value = text === undefined ? undefined : JSON.parse(text);
  } catch {
    throw new Error(`variable ${name}: not JSON`); // The parser's own message quotes the value.
  }
  return checked(name, value, schema);
}

function checked<T extends z.ZodType>(name: string, value: unknown, schema: T): z.output<T> {
  if (value === undefined) throw new Error(`variable ${name}: missing (see docs/DEPLOY.md)`);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.code}`);
  throw new Error(`variable ${name}: ${issues.join("; ")}`);
}

function bytesOfHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function bytesOfBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
