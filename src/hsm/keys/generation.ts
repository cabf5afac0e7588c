/**
 * Keys made inside the HSM: the platform's CSPRNG for secrets, its generator for pairs.
 *
 * docs/HSM.md §3.2. Only these are `local`, and may be never-extractable and always-sensitive.
 */
import { SecretKey } from "../../crypto/secret-key.ts";
import type { HsmContext } from "../access/context.ts";
import { authorize } from "../access/permissions.ts";
import type { SessionToken } from "../access/sessions.ts";
import {
  type AsymmetricKind,
  type CurveName,
  curveNamed,
  ecKind,
  verifyRsaSize,
} from "./algorithms.ts";
import { generatePair } from "./asymmetric.ts";
import { type NewKeyAttributes, verifyAsked } from "./attribute-rules.ts";
import { addKey, prepareKey, verifyRoom } from "./creation.ts";
import { type ReadMaterial, readSecret, verifySecretBytes } from "./material.ts";
import type { KeyView } from "./views.ts";

export interface SecretKeyGeneration {
  readonly type: "aes" | "generic-secret";
  /** AES: 128, 192 or 256. Generic secret: a multiple of 8 up to 6,400. */
  readonly sizeBits: number;
  readonly attributes?: NewKeyAttributes;
}

export type KeyPairGeneration =
  | {
      readonly type: "rsa";
      /** 2,048 to 4,096 in steps of 256. */
      readonly sizeBits: number;
      readonly attributes?: NewKeyAttributes;
    }
  | { readonly type: "ec"; readonly curve: CurveName; readonly attributes?: NewKeyAttributes };

/** @throws HsmError `key_unsupported`, `attribute_refused`, `key_limit`, …. */
export async function generateKey(
  context: HsmContext,
  token: SessionToken,
  request: SecretKeyGeneration,
): Promise<KeyView> {
  authorize(context, token, "manage keys");
  const bytes = request.sizeBits / 8;
  verifySecretBytes(request.type, bytes);
  const material = readSecret(request.type, new SecretKey(context.random(bytes)));
  return await add(context, token, material, request.attributes ?? {});
}

/** @throws HsmError `key_unsupported`, `attribute_refused`, `key_limit`, …. */
export async function generateKeyPair(
  context: HsmContext,
  token: SessionToken,
  request: KeyPairGeneration,
): Promise<KeyView> {
  const { user } = authorize(context, token, "manage keys");
  const kind = kindAsked(request);
  verifyRoom(context, 1, 1);
  verifyAsked(request.attributes ?? {});
  const pair = await context.turns.compute(user.username, (turn) =>
    turn(() => generatePair(context.subtle, kind)),
  );
  const { pkcs8: secret, publicKey } = pair;
  const { type, sizeBits } = pair.kind;
  const material: ReadMaterial = { class: "private", type, sizeBits, secret, publicKey };
  return await add(context, token, material, request.attributes ?? {});
}

function kindAsked(request: KeyPairGeneration): AsymmetricKind {
  if (request.type === "rsa") {
    verifyRsaSize(request.sizeBits);
    return { type: "rsa", sizeBits: request.sizeBits };
  }
  return ecKind(curveNamed(request.curve));
}

/** @param material - taken. */
async function add(
  context: HsmContext,
  token: SessionToken,
  material: ReadMaterial,
  attributes: NewKeyAttributes,
): Promise<KeyView> {
  const prepared = await prepareKey(context, material, attributes, true);
  return addKey(context, token, prepared);
}
