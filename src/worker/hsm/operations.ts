/**
 * The data plane: every operation that REST may ask of an HSM, from its plain input to its plain answer.
 *
 * Spec: docs/API.md, docs/HSM.md. Inputs have passed the schemas of the route; bytes travel as base64.
 * Secrets become `SecretKey` here and are disposed of here; text that carried them cannot be wiped.
 */
import { SecretKey } from "../../crypto/secret-key.ts";
import type { JsonWebKey } from "../../crypto/web-crypto.ts";
import type { PoliciesChange } from "../../hsm/access/policies.ts";
import type { NewUser } from "../../hsm/access/users.ts";
import type { Hsm } from "../../hsm/hsm.ts";
import type { KeyAttributesChange, NewKeyAttributes } from "../../hsm/keys/attribute-rules.ts";
import type { KeyListing } from "../../hsm/keys/directory.ts";
import type { CipherMechanism } from "../../hsm/keys/encryption.ts";
import type { ExportFormat } from "../../hsm/keys/export.ts";
import type { KeyPairGeneration, SecretKeyGeneration } from "../../hsm/keys/generation.ts";
import type { KeyMaterial } from "../../hsm/keys/material.ts";
import type { DigestAlgorithm, SignMechanism } from "../../hsm/keys/signing.ts";
import type { WrapMechanism } from "../../hsm/keys/wrapping.ts";
import type { KeyType } from "../../hsm/memory/key-record.ts";

/** Text of bytes, base64. */
type Base64 = string;

/** A user with a password's verifier, as it comes. */
export interface UserInput {
  readonly username: string;
  readonly role: "CO" | "CU";
  readonly verifier: {
    readonly salt: Base64;
    readonly calls: number;
    readonly roundsPerCall: number;
    readonly digest: Base64;
  };
}

/** Key material as it comes. */
export type MaterialInput =
  | { readonly format: "pem"; readonly pem: string }
  | { readonly format: "pkcs8" | "spki"; readonly der: Base64 }
  | { readonly format: "jwk"; readonly jwk: JsonWebKey; readonly type?: "aes" | "generic-secret" }
  | { readonly format: "raw"; readonly type: "aes" | "generic-secret"; readonly raw: Base64 };

export interface KeyInput {
  readonly material: MaterialInput;
  readonly attributes: NewKeyAttributes;
}

const PRECO_USERNAME = "admin";

/** `session` is "" where the request had none: such a session is invalid. */
export const OPERATIONS = {
  async activate(hsm: Hsm, _session: string, input: { password: string; newPassword: string }) {
    const { token } = await hsm.login(PRECO_USERNAME, input.password);
    try {
      return await hsm.activate(token, input.newPassword);
    } finally {
      hsm.logout(token);
    }
  },
  login: (hsm: Hsm, _session: string, input: { username: string; password: string }) =>
    hsm.login(input.username, input.password),
  async logout(hsm: Hsm, session: string, _input: null) {
    hsm.whoAmI(session);
    hsm.logout(session);
    return null;
  },
  whoAmI: async (hsm: Hsm, session: string, _input: null) => hsm.whoAmI(session),

  listUsers: async (hsm: Hsm, session: string, _input: null) => hsm.listUsers(session),
  createUser: (hsm: Hsm, session: string, input: NewUser) => hsm.createUser(session, input),
  async importUsers(hsm: Hsm, session: string, input: readonly UserInput[]) {
    const requests = input.map(({ username, role, verifier }) => ({
      username,
      role,
      verifier: {
        salt: bytesOf(verifier.salt),
        cost: { calls: verifier.calls, roundsPerCall: verifier.roundsPerCall },
        digest: secretOf(verifier.digest),
      },
    }));
    try {
      return hsm.importUsers(session, requests);
    } finally {
      for (const { verifier } of requests) verifier.digest[Symbol.dispose]();
    }
  },
  changePassword: (hsm: Hsm, session: string, input: { username: string; password: string }) =>
    hsm.changePassword(session, input.username, input.password),
  async deleteUser(hsm: Hsm, session: string, username: string) {
    hsm.deleteUser(session, username);
    return null;
  },

  async importKey(hsm: Hsm, session: string, input: KeyInput) {
    using material = new OwnedMaterial(input.material);
    const { attributes } = input;
    return await hsm.importKey(session, { material: material.value, attributes });
  },
  async importKeys(hsm: Hsm, session: string, input: readonly KeyInput[]) {
    const owned: OwnedMaterial[] = [];
    try {
      const requests = input.map(({ material, attributes }) => {
        const value = new OwnedMaterial(material);
        owned.push(value);
        return { material: value.value, attributes };
      });
      return await hsm.importKeys(session, requests);
    } finally {
      for (const material of owned) material[Symbol.dispose]();
    }
  },
  generateKey: (hsm: Hsm, session: string, input: SecretKeyGeneration) =>
    hsm.generateKey(session, input),
  generateKeyPair: (hsm: Hsm, session: string, input: KeyPairGeneration) =>
    hsm.generateKeyPair(session, input),
  listKeys: async (hsm: Hsm, session: string, input: KeyListing) => hsm.listKeys(session, input),
  describeKey: async (hsm: Hsm, session: string, handle: number) =>
    hsm.describeKey(session, handle),
  setAttributes: async (
    hsm: Hsm,
    session: string,
    input: { handle: number; change: KeyAttributesChange },
  ) => hsm.setAttributes(session, input.handle, input.change),
  async deleteKey(hsm: Hsm, session: string, handle: number) {
    hsm.deleteKey(session, handle);
    return null;
  },
  async shareKey(hsm: Hsm, session: string, input: { handle: number; username: string }) {
    hsm.shareKey(session, input.handle, input.username);
    return null;
  },
  async unshareKey(hsm: Hsm, session: string, input: { handle: number; username: string }) {
    hsm.unshareKey(session, input.handle, input.username);
    return null;
  },
  async exportKey(hsm: Hsm, session: string, input: { handle: number; format: ExportFormat }) {
    const exported = await hsm.exportKey(session, input.handle, input.format);
    if (exported.format === "pem" || exported.format === "jwk") return exported;
    using key = exported.key;
    return { format: exported.format, key: key.use((bytes) => bytes.toBase64()) };
  },
  async wrapKey(
    hsm: Hsm,
    session: string,
    input: { handle: number; wrappingHandle: number; mechanism: WrapMechanism },
  ) {
    const { handle, wrappingHandle, mechanism } = input;
    return hsm.wrapKey(session, handle, wrappingHandle, mechanism).toBase64();
  },
  unwrapKey: (
    hsm: Hsm,
    session: string,
    input: {
      unwrappingHandle: number;
      mechanism: WrapMechanism;
      wrapped: Base64;
      type: KeyType;
      attributes: NewKeyAttributes;
    },
  ) => {
    const { unwrappingHandle, wrapped, ...rest } = input;
    return hsm.unwrapKey(session, unwrappingHandle, { ...rest, wrapped: bytesOf(wrapped) });
  },

  async sign(
    hsm: Hsm,
    session: string,
    input: { handle: number; mechanism: SignMechanism; message: Base64 },
  ) {
    const { handle, mechanism, message } = input;
    return (await hsm.sign(session, handle, mechanism, bytesOf(message))).toBase64();
  },
  verify: (
    hsm: Hsm,
    session: string,
    input: { handle: number; mechanism: SignMechanism; message: Base64; signature: Base64 },
  ) =>
    hsm.verify(session, input.handle, {
      mechanism: input.mechanism,
      data: bytesOf(input.message),
      signature: bytesOf(input.signature),
    }),
  async encrypt(
    hsm: Hsm,
    session: string,
    input: { handle: number; mechanism: CipherMechanism; plaintext: Base64; aad?: Base64 },
  ) {
    const data = bytesOf(input.plaintext);
    const { iv, ciphertext } = await hsm.encrypt(session, input.handle, {
      mechanism: input.mechanism,
      data,
      ...aadOf(input.aad),
    });
    data.fill(0);
    return { iv: iv?.toBase64() ?? null, ciphertext: ciphertext.toBase64() };
  },
  async decrypt(
    hsm: Hsm,
    session: string,
    input: {
      handle: number;
      mechanism: CipherMechanism;
      iv: Base64 | null;
      ciphertext: Base64;
      aad?: Base64;
    },
  ) {
    const plaintext = await hsm.decrypt(session, input.handle, {
      mechanism: input.mechanism,
      iv: input.iv === null ? null : bytesOf(input.iv),
      ciphertext: bytesOf(input.ciphertext),
      ...aadOf(input.aad),
    });
    const text = plaintext.toBase64();
    plaintext.fill(0);
    return text;
  },
  async digest(hsm: Hsm, session: string, input: { algorithm: DigestAlgorithm; message: Base64 }) {
    return (await hsm.digest(session, input.algorithm, bytesOf(input.message))).toHex();
  },

  importCertificates: async (hsm: Hsm, session: string, pem: string) =>
    hsm.importCertificates(session, pem),
  listCertificates: async (hsm: Hsm, session: string, _input: null) =>
    hsm.listCertificates(session),
  async deleteCertificate(hsm: Hsm, session: string, id: number) {
    hsm.deleteCertificate(session, id);
    return null;
  },

  getConfiguration: async (hsm: Hsm, _session: string, _input: null) => hsm.getConfiguration(),
  getPolicies: async (hsm: Hsm, _session: string, _input: null) => hsm.getPolicies(),
  setPolicies: async (hsm: Hsm, session: string, input: PoliciesChange) =>
    hsm.setPolicies(session, input),
} as const;

export type OperationName = keyof typeof OPERATIONS;
export type Input<K extends OperationName> = Parameters<(typeof OPERATIONS)[K]>[2];
export type Output<K extends OperationName> = Awaited<ReturnType<(typeof OPERATIONS)[K]>>;

/** Material with its bytes as keys that are wiped when the operation is over. */
class OwnedMaterial implements Disposable {
  readonly value: KeyMaterial;
  readonly #key: SecretKey | null;

  constructor(input: MaterialInput) {
    this.#key =
      input.format === "raw"
        ? secretOf(input.raw)
        : input.format === "pkcs8"
          ? secretOf(input.der)
          : null;
    this.value = materialOf(input, this.#key);
  }

  [Symbol.dispose](): void {
    this.#key?.[Symbol.dispose]();
  }
}

function materialOf(input: MaterialInput, key: SecretKey | null): KeyMaterial {
  if (input.format === "pem" || input.format === "jwk") return input;
  if (input.format === "spki") return { format: "spki", bytes: bytesOf(input.der) };
  if (key === null) throw new Error("unreachable: material without its key");
  return input.format === "raw"
    ? { format: "raw", type: input.type, key }
    : { format: "pkcs8", key };
}

function aadOf(aad: Base64 | undefined): { aad?: Uint8Array } {
  return aad === undefined ? {} : { aad: bytesOf(aad) };
}

/** The route's schema has seen that it is base64. */
function bytesOf(text: Base64): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(text);
}

/** Schemas demand at least one byte. */
function secretOf(text: Base64): SecretKey {
  return new SecretKey(bytesOf(text));
}
