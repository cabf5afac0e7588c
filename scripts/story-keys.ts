/**
 * The keys of the story: real ones, made on the spot, in every form an HSM takes them.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import type { KeyMaterial } from "./data-plane.ts";
import { ecKey, rsaKey } from "./platform-tools.ts";
import { jwkSecrets, type NamedSecret, privateKeySecrets } from "./secret-forms.ts";

export interface StoryKey {
  readonly label: string;
  readonly material: KeyMaterial;
  readonly extractable: boolean;
  /** SPKI, PEM, as known before the key went in; null for a symmetric one. */
  readonly publicKey: string | null;
  readonly madeBy: string;
  readonly secrets: readonly NamedSecret[];
}

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
      label: "document-signing",
      material: { format: "pem", pem: rsa.pem },
      extractable: false,
      publicKey: publicKeyOf(rsa.pem),
      madeBy: rsa.madeBy,
      secrets: privateKeySecrets("document-signing", rsa.pem),
    },
    {
      label: "code-signing",
      material: { format: "pem", pem: ec.pem },
      extractable: true,
      publicKey: publicKeyOf(ec.pem),
      madeBy: ec.madeBy,
      secrets: privateKeySecrets("code-signing", ec.pem),
    },
    {
      label: "token-signing",
      material: { format: "jwk", jwk },
      extractable: false,
      publicKey: null,
      madeBy: "Node, as JWK",
      secrets: jwkSecrets("token-signing", jwk),
    },
    {
      label: "disk-encryption",
      material: { format: "raw", type: "aes", raw: aes.toString("base64") },
      extractable: false,
      publicKey: null,
      madeBy: "Node, raw",
      secrets: [{ name: "disk-encryption", bytes: aes }],
    },
    {
      label: "webhook-mac",
      material: { format: "raw", type: "generic-secret", raw: mac.toString("base64") },
      extractable: true,
      publicKey: null,
      madeBy: "Node, raw",
      secrets: [{ name: "webhook-mac", bytes: mac }],
    },
  ];
}

function publicKeyOf(pem: string): string {
  const key = createPublicKey(createPrivateKey(pem));
  return key.export({ type: "spki", format: "pem" }) as string;
}
