/**
 * What the worker tells the page, which shows it: plain data, safe to clone. Key material is in
 * `ExportedFile` and nowhere else.
 *
 * Every text in here came out of a file and is untrusted: it is rendered as text, never as markup.
 * In names and labels, what nobody would see is written out (`shownText`).
 */

/** The checks of a backup, in the order in which they are made (FORMAT.md, reading). */
export const CHECKS = [
  "data_key",
  "envelope",
  "key_block",
  "header",
  "chunks",
  "manifest",
  "trailer",
  "body_digest",
  "memory",
] as const;

export type CheckId = (typeof CHECKS)[number];

export interface CheckReport {
  readonly check: CheckId;
  readonly state: "running" | "held" | "failed" | "skipped";
  /** 0 to 1, or null where there is nothing to count. */
  readonly progress: number | null;
}

/**
 * Why something was not done: a stable code, a title, and what happened and what to do about it.
 */
export interface ShownRefusal {
  readonly code: string;
  readonly title: string;
  readonly message: string;
}

export type FileKind = "sealed" | "bare";
/** A challenge for a recovery key may be given in the place of a backup. */
export type ChosenKind = FileKind | "challenge";

export interface ShownKit {
  readonly operator: string;
  readonly manufacturer: string;
  readonly createdAt: string;
  /** 32 hex digits each; empty where the kit has no private half of a recovery key. */
  readonly recoveryKeyIds: readonly string[];
  readonly mkbkCount: number;
  readonly akbkCount: number;
}

export interface ShownBackup {
  readonly fileName: string;
  readonly fileBytes: number;
  readonly sealed: boolean;
  readonly backupId: string;
  readonly clusterId: string;
  readonly lineageId: string;
  readonly hsmType: string;
  readonly mode: string;
  readonly manufacturer: string;
  readonly region: string;
  readonly createdAtMs: number;
  readonly chainNumber: number;
  /** 64 hex digits each; `previousDigest` is empty for the first backup of a lineage. */
  readonly previousDigest: string;
  readonly containerDigest: string;
  readonly stateDigest: string;
  /** Where this copy was held, which may differ from where the backup was made. */
  readonly heldAt: string | null;
  /** The highest number of its chain that the kit knows, if that is above its own. */
  readonly newerKnown: number | null;
}

export interface ShownUser {
  readonly id: number;
  readonly name: string;
  readonly role: string;
  readonly locked: boolean;
  readonly failures: number;
  readonly keysOwned: number;
}

export interface ShownKey {
  readonly handle: number;
  readonly label: string;
  /** As a person says it: "AES 256", "RSA 3072", "EC P-256". */
  readonly kind: string;
  readonly keyClass: "secret" | "private" | "public";
  readonly idHex: string;
  readonly owner: string;
  readonly sharedWith: readonly string[];
  /** Names of the attributes that are true. */
  readonly attributes: readonly string[];
  readonly extractable: boolean;
  readonly checkValue: string;
  /**
   * Mechanisms this key can be used with, in order of preference; empty where its attributes
   * forbid.
   */
  readonly signsWith: readonly string[];
  readonly verifiesWith: readonly string[];
  readonly encryptsWith: readonly string[];
  readonly decryptsWith: readonly string[];
  readonly exportsAs: readonly ExportForm[];
  /** SubjectPublicKeyInfo in PEM; empty for secret keys. */
  readonly publicPem: string;
}

export type ExportForm = "pem" | "jwk" | "hex";

/** A key that has left the HSM, because a user asked for it. */
export interface ExportedFile {
  readonly fileName: string;
  readonly text: string;
}

export interface ShownCertificate {
  readonly id: number;
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly fingerprint: string;
  readonly pem: string;
}

/** A named setting of the cluster. */
export interface ShownSetting {
  readonly name: string;
  readonly value: string;
  /** Under which name the value is saved as a file; absent where it is none. */
  readonly saveAs?: string;
}

export interface ShownContents {
  readonly users: readonly ShownUser[];
  readonly keys: readonly ShownKey[];
  readonly certificates: readonly ShownCertificate[];
  readonly policies: readonly ShownSetting[];
  readonly configuration: readonly ShownSetting[];
}

/** A backup that was verified and restored: where it comes from, and what it holds. */
export interface OpenedBackup {
  readonly facts: ShownBackup;
  readonly contents: ShownContents;
}

/** The answer of an operation: its value, or why it was refused. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: ShownRefusal };

export interface ShownSession {
  readonly userName: string;
  readonly role: string;
}
