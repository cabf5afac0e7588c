/**
 * What a key can be asked for, by its type and attributes: the choices that the page offers.
 *
 * docs/HSM.md §3.5. Offering is not permitting: the HSM checks every request.
 */
import type { CipherMechanism } from "../../hsm/keys/encryption.ts";
import type { SignMechanism } from "../../hsm/keys/signing.ts";
import type { KeyView } from "../../hsm/keys/views.ts";
import type { KeyClass, KeyType } from "../../hsm/memory/key-record.ts";
import type { ExportForm, ShownKey } from "./shown.ts";

/** The first of each is what a form shows at first. */
const SIGN: Readonly<Record<KeyType, readonly SignMechanism[]>> = {
  aes: ["aes-cmac"],
  ec: ["ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512"],
  "generic-secret": ["hmac-sha256", "hmac-sha384", "hmac-sha512"],
  rsa: [
    "rsa-pss-sha256",
    "rsa-pss-sha384",
    "rsa-pss-sha512",
    "rsa-pkcs-sha256",
    "rsa-pkcs-sha384",
    "rsa-pkcs-sha512",
  ],
};

const CIPHER: Readonly<Record<KeyType, readonly CipherMechanism[]>> = {
  aes: ["aes-gcm", "aes-cbc", "aes-ctr"],
  ec: [],
  "generic-secret": [],
  rsa: ["rsa-oaep-sha256", "rsa-oaep-sha384", "rsa-oaep-sha512"],
};

const EXPORT: Readonly<Record<KeyClass, readonly ExportForm[]>> = {
  public: [],
  private: ["pem", "jwk"],
  secret: ["hex", "jwk"],
};

type Uses = Pick<
  ShownKey,
  "signsWith" | "verifiesWith" | "encryptsWith" | "decryptsWith" | "exportsAs"
>;

export function mechanismsOf(view: KeyView): Uses {
  const { attributes, type } = view;
  const hasSecret = view.class !== "public";
  return {
    signsWith: attributes.sign && hasSecret ? SIGN[type] : [],
    verifiesWith: attributes.verify ? SIGN[type] : [],
    encryptsWith: attributes.encrypt ? CIPHER[type] : [],
    decryptsWith: attributes.decrypt && hasSecret ? CIPHER[type] : [],
    exportsAs: EXPORT[view.class],
  };
}
