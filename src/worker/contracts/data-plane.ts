/**
 * The data plane: every operation that REST may ask of an HSM, with its input and its output.
 *
 * Spec: docs/API.md, docs/HSM.md. Plain data, since it crosses a Durable Object's border: bytes are
 * base64, keys are handles.
 */
import type { JsonWebKey } from "../../crypto/web-crypto.ts";
import type { ConfigurationView } from "../../hsm/access/configuration.ts";
import type { Login } from "../../hsm/access/login.ts";
import type { Permission } from "../../hsm/access/permissions.ts";
import type { PoliciesChange, PoliciesView } from "../../hsm/access/policies.ts";
import type { UserView } from "../../hsm/access/user-directory.ts";
import type { NewUser } from "../../hsm/access/users.ts";
import type { CertificateView } from "../../hsm/certificates/directory.ts";
import type { KeyAttributesChange, NewKeyAttributes } from "../../hsm/keys/attribute-rules.ts";
import type { KeyListing, KeyPage } from "../../hsm/keys/directory.ts";
import type { CipherMechanism } from "../../hsm/keys/encryption.ts";
import type { ExportedKey, ExportFormat } from "../../hsm/keys/export.ts";
import type { KeyPairGeneration, SecretKeyGeneration } from "../../hsm/keys/generation.ts";
import type { DigestAlgorithm, SignMechanism } from "../../hsm/keys/signing.ts";
import type { KeyView } from "../../hsm/keys/views.ts";
import type { WrapMechanism } from "../../hsm/keys/wrapping.ts";
import type { KeyType } from "../../hsm/memory/key-record.ts";
import type { Result } from "./result.ts";

/** Text of bytes, base64. */
export type Base64 = string;

/** A user with a password's verifier, as it comes. */
interface UserInput {
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

interface KeyInput {
  readonly material: MaterialInput;
  readonly attributes: NewKeyAttributes;
}

interface UnwrapInput {
  readonly unwrappingHandle: number;
  readonly mechanism: WrapMechanism;
  readonly wrapped: Base64;
  readonly type: KeyType;
  readonly attributes: NewKeyAttributes;
}

interface SignInput {
  readonly handle: number;
  readonly mechanism: SignMechanism;
  readonly message: Base64;
}

interface EncryptInput {
  readonly handle: number;
  readonly mechanism: CipherMechanism;
  readonly plaintext: Base64;
  readonly aad?: Base64;
}

interface DecryptInput {
  readonly handle: number;
  readonly mechanism: CipherMechanism;
  readonly iv: Base64 | null;
  readonly ciphertext: Base64;
  readonly aad?: Base64;
}

/** A key that leaves: its secret half as base64. */
type KeyOutput =
  | Exclude<ExportedKey, { readonly format: "raw" | "pkcs8" }>
  | { readonly format: "raw" | "pkcs8"; readonly key: Base64 };

/** Names of the operations, in the order of API.md. */
interface DataOperations {
  activate: Operation<{ readonly password: string; readonly newPassword: string }, UserView>;
  login: Operation<{ readonly username: string; readonly password: string }, Login>;
  logout: Operation<null, null>;
  whoAmI: Operation<null, UserView>;
  /** Whether the session's user has a permission: for whoever wants to know before doing much. */
  admit: Operation<Permission, null>;

  listUsers: Operation<null, UserView[]>;
  createUser: Operation<NewUser, UserView>;
  importUsers: Operation<readonly UserInput[], UserView[]>;
  changePassword: Operation<{ readonly username: string; readonly password: string }, UserView>;
  deleteUser: Operation<string, null>;

  importKey: Operation<KeyInput, KeyView>;
  /** Handles, in the order given. */
  importKeys: Operation<readonly KeyInput[], number[]>;
  generateKey: Operation<SecretKeyGeneration, KeyView>;
  generateKeyPair: Operation<KeyPairGeneration, KeyView>;
  listKeys: Operation<KeyListing, KeyPage>;
  describeKey: Operation<number, KeyView>;
  setAttributes: Operation<
    { readonly handle: number; readonly change: KeyAttributesChange },
    KeyView
  >;
  deleteKey: Operation<number, null>;
  shareKey: Operation<{ readonly handle: number; readonly username: string }, null>;
  unshareKey: Operation<{ readonly handle: number; readonly username: string }, null>;
  exportKey: Operation<{ readonly handle: number; readonly format: ExportFormat }, KeyOutput>;
  wrapKey: Operation<
    {
      readonly handle: number;
      readonly wrappingHandle: number;
      readonly mechanism: WrapMechanism;
    },
    Base64
  >;
  unwrapKey: Operation<UnwrapInput, KeyView>;

  sign: Operation<SignInput, Base64>;
  verify: Operation<SignInput & { readonly signature: Base64 }, boolean>;
  encrypt: Operation<EncryptInput, { readonly iv: Base64 | null; readonly ciphertext: Base64 }>;
  decrypt: Operation<DecryptInput, Base64>;
  /** Hexadecimal. */
  digest: Operation<{ readonly algorithm: DigestAlgorithm; readonly message: Base64 }, string>;

  /** PEM, one after the other. */
  importCertificates: Operation<string, CertificateView[]>;
  listCertificates: Operation<null, CertificateView[]>;
  deleteCertificate: Operation<number, null>;

  getConfiguration: Operation<null, ConfigurationView>;
  getPolicies: Operation<null, PoliciesView>;
  setPolicies: Operation<PoliciesChange, PoliciesView>;
}

interface Operation<Input, Output> {
  readonly input: Input;
  readonly output: Output;
}

export type OperationName = keyof DataOperations;
export type Input<K extends OperationName> = DataOperations[K]["input"];
export type Output<K extends OperationName> = DataOperations[K]["output"];

/** Who asks for an operation, and by which request. */
export interface Caller {
  /** Of whoever signed the request. */
  readonly accessKeyId: string;
  /** UUID, one for each request. */
  readonly requestId: string;
  /** Token of an HSM user's session; "" where the request had none: such a session is invalid. */
  readonly session: string;
  /** What the region knows of the HSM: `ServiceOrder`. */
  readonly obeyed: number;
}

/** RPC face of the `Hsm` Durable Object towards the REST surface. */
export interface DataApi {
  /**
   * Carries out an operation for whoever holds the session. As leader the HSM answers only
   * when what changed is on every peer.
   */
  call<K extends OperationName>(
    name: K,
    caller: Caller,
    input: Input<K>,
  ): Promise<Result<Output<K>>>;
}
