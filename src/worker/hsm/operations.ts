/**
 * The data plane of an HSM: each operation of
 * contracts/data-plane.ts, carried out by the HSM's rules.
 *
 * Spec: docs/API.md, docs/HSM.md. Inputs have passed the schemas of the route;
 * bytes travel as base64. Secrets become `SecretKey` here and are disposed of here;
 * text that carried them cannot be wiped.
 */
import { encodeBase64, encodeHex, requireBase64 } from "../../crypto/base-encodings.ts";
import { SecretKey } from "../../crypto/secret-key.ts";
import { PRECO_USERNAME } from "../../hsm/access/manufacture.ts";
import type { Hsm } from "../../hsm/hsm.ts";
import type { KeyMaterial } from "../../hsm/keys/material.ts";
import type {
  Base64,
  Input,
  MaterialInput,
  OperationName,
  Output,
} from "../contracts/data-plane.ts";

/** `session` is "" where the request had none: such a session is invalid. */
type DataPlane = {
  readonly [K in OperationName]: (hsm: Hsm, session: string, input: Input<K>) => Promise<Output<K>>;
};

export const DATA_PLANE: DataPlane = {
  async activate(hsm, _session, { password, newPassword }) {
    const { token } = await hsm.login(PRECO_USERNAME, password);
    try {
      return await hsm.activate(token, newPassword);
    } finally {
      hsm.logout(token);
    }
  },
  login: (hsm, _session, { username, password }) => hsm.login(username, password),
  async logout(hsm, session) {
    hsm.whoAmI(session);
    hsm.logout(session);
    return null;
  },
  whoAmI: async (hsm, session) => hsm.whoAmI(session),
  async admit(hsm, session, permission) {
    hsm.admit(session, permission);
    return null;
  },

  listUsers: async (hsm, session) => hsm.listUsers(session),
  createUser: (hsm, session, user) => hsm.createUser(session, user),
  async importUsers(hsm, session, users) {
    const requests = users.map(({ username, role, verifier }) => ({
      username,
      role,
      verifier: {
        salt: requireBase64(verifier.salt),
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
  changePassword: (hsm, session, { username, password }) =>
    hsm.changePassword(session, username, password),
  async deleteUser(hsm, session, username) {
    hsm.deleteUser(session, username);
    return null;
  },

  async importKey(hsm, session, { material, attributes }) {
    using owned = new OwnedMaterial(material);
    return await hsm.importKey(session, { material: owned.value, attributes });
  },
  async importKeys(hsm, session, keys) {
    const owned: OwnedMaterial[] = [];
    try {
      const requests = keys.map(({ material, attributes }) => {
        const value = new OwnedMaterial(material);
        owned.push(value);
        return { material: value.value, attributes };
      });
      return await hsm.importKeys(session, requests);
    } finally {
      for (const material of owned) material[Symbol.dispose]();
    }
  },
  generateKey: (hsm, session, order) => hsm.generateKey(session, order),
  generateKeyPair: (hsm, session, order) => hsm.generateKeyPair(session, order),
  listKeys: async (hsm, session, listing) => hsm.listKeys(session, listing),
  describeKey: async (hsm, session, handle) => hsm.describeKey(session, handle),
  setAttributes: async (hsm, session, { handle, change }) =>
    hsm.setAttributes(session, handle, change),
  async deleteKey(hsm, session, handle) {
    hsm.deleteKey(session, handle);
    return null;
  },
  async shareKey(hsm, session, { handle, username }) {
    hsm.shareKey(session, handle, username);
    return null;
  },
  async unshareKey(hsm, session, { handle, username }) {
    hsm.unshareKey(session, handle, username);
    return null;
  },
  async exportKey(hsm, session, { handle, format }) {
    const exported = await hsm.exportKey(session, handle, format);
    if (exported.format === "pem" || exported.format === "jwk") return exported;
    using key = exported.key;
    return { format: exported.format, key: key.use(encodeBase64) };
  },
  wrapKey: async (hsm, session, { handle, wrappingHandle, mechanism }) =>
    encodeBase64(hsm.wrapKey(session, handle, wrappingHandle, mechanism)),
  unwrapKey: (hsm, session, { unwrappingHandle, wrapped, ...order }) =>
    hsm.unwrapKey(session, unwrappingHandle, { ...order, wrapped: requireBase64(wrapped) }),

  async sign(hsm, session, { handle, mechanism, message }) {
    return encodeBase64(await hsm.sign(session, handle, mechanism, requireBase64(message)));
  },
  verify: (hsm, session, { handle, mechanism, message, signature }) =>
    hsm.verify(session, handle, {
      mechanism,
      data: requireBase64(message),
      signature: requireBase64(signature),
    }),
  async encrypt(hsm, session, { handle, mechanism, plaintext, aad }) {
    const data = requireBase64(plaintext);
    try {
      const order = { mechanism, data, ...aadOf(aad) };
      const { iv, ciphertext } = await hsm.encrypt(session, handle, order);
      return { iv: iv === null ? null : encodeBase64(iv), ciphertext: encodeBase64(ciphertext) };
    } finally {
      data.fill(0);
    }
  },
  async decrypt(hsm, session, { handle, mechanism, iv, ciphertext, aad }) {
    const plaintext = await hsm.decrypt(session, handle, {
      mechanism,
      iv: iv === null ? null : requireBase64(iv),
      ciphertext: requireBase64(ciphertext),
      ...aadOf(aad),
    });
    const text = encodeBase64(plaintext);
    plaintext.fill(0);
    return text;
  },
  async digest(hsm, session, { algorithm, message }) {
    return encodeHex(await hsm.digest(session, algorithm, requireBase64(message)));
  },

  importCertificates: (hsm, session, pem) => hsm.importCertificates(session, pem),
  listCertificates: async (hsm, session) => hsm.listCertificates(session),
  async deleteCertificate(hsm, session, id) {
    hsm.deleteCertificate(session, id);
    return null;
  },

  getConfiguration: async (hsm) => hsm.getConfiguration(),
  getPolicies: async (hsm) => hsm.getPolicies(),
  setPolicies: async (hsm, session, change) => hsm.setPolicies(session, change),
};

/** Operations that have no change to tell the peers of: they wait for none. */
export const CHANGES_NOTHING: ReadonlySet<OperationName> = new Set([
  ...(["whoAmI", "admit", "listUsers", "listKeys", "describeKey", "exportKey", "wrapKey"] as const),
  ...(["sign", "verify", "encrypt", "decrypt", "digest", "listCertificates"] as const),
  ...(["getConfiguration", "getPolicies"] as const),
]);

/** Material with its bytes as keys that are wiped when the operation is over. */
class OwnedMaterial implements Disposable {
  readonly value: KeyMaterial;

  constructor(input: MaterialInput) {
    this.value = materialOf(input);
  }

  [Symbol.dispose](): void {
    if ("key" in this.value) this.value.key[Symbol.dispose]();
  }
}

function materialOf(input: MaterialInput): KeyMaterial {
  switch (input.format) {
    case "pem":
    case "jwk":
      return input;
    case "spki":
      return { format: "spki", bytes: requireBase64(input.der) };
    case "pkcs8":
      return { format: "pkcs8", key: secretOf(input.der) };
    case "raw":
      return { format: "raw", type: input.type, key: secretOf(input.raw) };
  }
}

function aadOf(aad: Base64 | undefined): { aad?: Uint8Array } {
  return aad === undefined ? {} : { aad: requireBase64(aad) };
}

/** Schemas demand at least one byte. */
function secretOf(text: Base64): SecretKey {
  return new SecretKey(requireBase64(text));
}
