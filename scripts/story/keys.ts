/**
 * The keys of the story: real ones, made on the spot, in every form an HSM takes them.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import type { KeyAttributes, KeyMaterial } from "../customer/data-plane.ts";
import { ecKey, rsaKey } from "../customer/tools.ts";
import { jwkSecrets, type NamedSecret, privateKeySecrets } from "./secret-forms.ts";

export interface StoryKey {
  readonly material: KeyMaterial;
  readonly attributes: KeyAttributes;
  /** SPKI, PEM, as known before the key went in; null for a symmetric one. */
  readonly publicKey: string | null;
  readonly madeBy: string;
  readonly secrets: readonly NamedSecret[];
}

const SIGNING = { sign: true, verify: true };
const ENCRYPTING = { encrypt: true, decrypt: true };

export function storyKeys(): StoryKey[] {
  const rsa = rsaKey();
  const ec = ecKey();
  const jwk = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey.export({
    format: "jwk",
  });
  const aes = randomBytes(32);
  const mac = randomBytes(48);
  return [
    {
      attributes: { label: "document-signing", extractable: false, ...SIGNING },
      material: { format: "pem", pem: rsa.pem },
      publicKey: publicKeyOf(rsa.pem),
      madeBy: rsa.madeBy,
      secrets: privateKeySecrets("document-signing", rsa.pem),
    },
    {
      attributes: { label: "code-signing", extractable: true, ...SIGNING },
      material: { format: "pem", pem: ec.pem },
      publicKey: publicKeyOf(ec.pem),
      madeBy: ec.madeBy,
      secrets: privateKeySecrets("code-signing", ec.pem),
    },
    {
      attributes: { label: "token-signing", extractable: false, ...SIGNING },
      material: { format: "jwk", jwk },
      publicKey: null,
      madeBy: "Node (JWK)",
      secrets: jwkSecrets("token-signing", jwk),
    },
    {
      attributes: { label: "disk-encryption", extractable: false, ...ENCRYPTING },
      material: { format: "raw", type: "aes", raw: aes.toString("base64") },
      publicKey: null,
      madeBy: "Node (raw)",
      secrets: [{ name: "disk-encryption", bytes: aes }],
    },
    {
      attributes: { label: "webhook-mac", extractable: true, ...SIGNING },
      material: { format: "raw", type: "generic-secret", raw: mac.toString("base64") },
      publicKey: null,
      madeBy: "Node (raw)",
      secrets: [{ name: "webhook-mac", bytes: mac }],
    },
  ];
}

function publicKeyOf(pem: string): string {
  const key = createPublicKey(createPrivateKey(pem));
  return key.export({ type: "spki", format: "pem" }) as string;
}
