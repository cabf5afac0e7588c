/**
 * What is shown of an HSM's contents: plain objects that go into JSON as they are. No secrets.
 *
 * docs/HSM.md. The REST surface and the pages show these types unchanged.
 */
import type { HsmMode } from "./memory/configuration-record.ts";
import type { KeyClass, KeyFlags, KeyType } from "./memory/key-record.ts";
import type { Role } from "./memory/user-record.ts";
import type { HsmType } from "./rules/limits.ts";

export interface UserView {
  readonly id: number;
  readonly username: string;
  readonly role: Role;
  readonly locked: boolean;
  /** Wrong passwords since the last right one. */
  readonly failures: number;
  readonly createdAtMs: number;
  readonly passwordChangedAtMs: number;
  readonly quorumKeyRegistered: boolean;
}

export interface KeyView {
  readonly handle: number;
  readonly label: string;
  /** Hexadecimal. */
  readonly id: string;
  readonly class: KeyClass;
  readonly type: KeyType;
  readonly sizeBits: number;
  /** EC only. */
  readonly curve: "P-256" | "P-384" | "P-521" | null;
  /** Name of the owner. */
  readonly owner: string;
  readonly sharedWith: readonly string[];
  readonly attributes: KeyFlags;
  /** Hexadecimal, 3 bytes; null for a generic secret, which one could guess from it. */
  readonly checkValue: string | null;
  /** SPKI of the public half in PEM; null for a secret key. */
  readonly publicKeyPem: string | null;
  readonly createdAtMs: number;
  readonly manageQuorum: number | null;
  readonly useQuorum: number | null;
}

export interface CertificateView {
  readonly id: number;
  readonly subject: string;
  readonly issuer: string;
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256 of the DER, hexadecimal. */
  readonly fingerprint: string;
  /** SHA-256 of the subject public key info, hexadecimal. */
  readonly publicKeyFingerprint: string;
  readonly owner: string;
  readonly pem: string;
  readonly createdAtMs: number;
}

export type QuorumService =
  | "user"
  | "quorum"
  | "cluster"
  | "key-management"
  | "key-usage"
  | "registration";

export interface PoliciesView {
  readonly minPasswordCharacters: number;
  readonly maxPasswordCharacters: number;
  readonly lockoutThreshold: number;
  /** Approvals per service; null for none. */
  readonly quorum: Readonly<Record<QuorumService, number | null>>;
}

export interface ConfigurationView {
  readonly hsmType: HsmType;
  readonly mode: HsmMode;
  readonly label: string;
  readonly createdAtMs: number;
  readonly activated: boolean;
  readonly activatedAtMs: number | null;
  readonly clusterCertificatePem: string | null;
  readonly trustAnchorPem: string | null;
}
