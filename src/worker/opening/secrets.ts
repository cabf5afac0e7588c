/**
 * The deployment's secrets, read once: unchecked variables in, checked keys out.
 *
 * Spec: docs/DEPLOY.md, the table of variables. They stand apart from `Deployment`, in a room that
 * neither the wires nor the control plane may import: what these cannot name, they cannot use.
 */

import * as z from "zod";
import type { KeyVersion } from "../../backup/format/keys.ts";
import type { CustomerKey } from "../../backup/seal/kms.ts";
import { requireHex } from "../../crypto/base-encodings.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import type { Env } from "../platform/deployment.ts";
import { base64Bytes, checkedVariable, jsonVariable } from "../platform/variables.ts";

/** The environment with the variables that hold secrets of the HSMs. */
export interface SecretEnv extends Env {
  readonly MANUFACTURER?: string;
  readonly OPERATOR?: string;
  readonly LOCAL_KMS?: string;
  readonly STORAGE_KEY?: string;
  readonly MANUFACTURER_CA?: string;
}

/** A certificate authority: certificate and PKCS#8 private key, both PEM. */
export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

/** Borrowed by everything that takes it. */
export interface Secrets {
  readonly manufacturer: { readonly name: string; readonly mkbk: readonly KeyVersion[] };
  readonly operator: { readonly name: string; readonly akbk: readonly KeyVersion[] };
  readonly localKms: { readonly keys: readonly CustomerKey[] };
  /** 32 bytes. */
  readonly storageKey: SecretKey;
  /** `manufacturer` and `operator` roots sign an HSM's hardware certificates. */
  readonly manufacturerCa: { readonly manufacturer: Authority; readonly operator: Authority };
}

const known = new WeakMap<SecretEnv, Secrets>();

/**
 * The secrets of `env`; parsed once per environment.
 *
 * @throws Error naming the variable that is missing or malformed.
 */
export function secretsOf(env: SecretEnv): Secrets {
  const secrets = known.get(env) ?? readSecrets(env);
  known.set(env, secrets);
  return secrets;
}

/** Reads the secrets of `env` and lets them go. @throws Error naming the variable that is wrong. */
export function verifySecrets(env: SecretEnv): void {
  const { manufacturer, operator, localKms, storageKey } = readSecrets(env);
  const versions = [...manufacturer.mkbk, ...operator.akbk, ...localKms.keys];
  for (const { key } of versions) key?.[Symbol.dispose]();
  storageKey[Symbol.dispose]();
}

const secret32 = base64Bytes
  .refine((bytes) => bytes.length === 32, "expected 32 bytes in base64")
  .transform((bytes) => new SecretKey(bytes));
const keyState = z.enum(["active", "retired", "destroyed"]);
const keyBackupKeys = z
  .array(
    z
      .object({
        id: z
          .string()
          .regex(/^[0-9a-f]{32}$/)
          .transform(requireHex),
        version: z.int().min(1).max(0xffff_ffff),
        state: keyState,
        key: secret32.nullable(),
      })
      .transform(asDestroyed),
  )
  .min(1);
const authority = z.object({ certificate: z.string().min(1), key: z.string().min(1) });

const manufacturerVariable = z.object({ name: z.string().min(1).max(64), mkbk: keyBackupKeys });
const operatorVariable = z.object({ name: z.string().min(1).max(64), akbk: keyBackupKeys });
const kmsVariable = z.object({
  keys: z
    .array(
      z
        .object({ id: z.string().min(1).max(64), key: secret32.nullable(), state: keyState })
        .transform(asDestroyed),
    )
    .min(1),
});
const caVariable = z.object({ manufacturer: authority, operator: authority });

/**
 * A key that is destroyed has no bytes, and one without bytes is destroyed, whichever of the two
 * the variable says: nothing later has to ask for both.
 */
function asDestroyed<T extends Pick<CustomerKey, "state" | "key">>(entry: T): T {
  if (entry.state !== "destroyed" && entry.key !== null) return entry;
  entry.key?.[Symbol.dispose]();
  return { ...entry, state: "destroyed", key: null };
}

function readSecrets(env: SecretEnv): Secrets {
  return {
    manufacturer: jsonVariable("MANUFACTURER", env.MANUFACTURER, manufacturerVariable),
    operator: jsonVariable("OPERATOR", env.OPERATOR, operatorVariable),
    localKms: jsonVariable("LOCAL_KMS", env.LOCAL_KMS, kmsVariable),
    storageKey: checkedVariable("STORAGE_KEY", env.STORAGE_KEY, secret32),
    manufacturerCa: jsonVariable("MANUFACTURER_CA", env.MANUFACTURER_CA, caVariable),
  };
}
