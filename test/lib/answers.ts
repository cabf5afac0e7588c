/**
 * What tests read of answers. A test knows what it asked for: each member is there in the answers of some
 * operations, and undefined in all others, so that an expectation of it fails.
 */
export interface KeyShown {
  readonly handle: number;
  readonly label: string;
  readonly id: string;
  readonly checkValue: string;
  readonly sharedWith: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** Of the REST surface: docs/API.md. */
export interface RestBody extends KeyShown {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly details: Readonly<Record<string, unknown>>;
  };
  readonly token: string;
  readonly minPasswordCharacters: number;
  readonly users: readonly { readonly username: string; readonly failures: number }[];
  readonly certificates: readonly { readonly id: string }[];
  readonly keys: readonly KeyShown[];
  readonly handles: readonly number[];
  /** Of a page: what the next one comes after. */
  readonly next: number | null;
  readonly wrapped: string;
  readonly signature: string;
  readonly digest: string;
  readonly iv: string;
  readonly ciphertext: string;
  readonly plaintext: string;
  /** Of a recovery key. */
  readonly recoveryKeys: readonly {
    readonly keyId: string;
    readonly kind: string;
    readonly state: string;
    readonly provenAt: string | null;
  }[];
  readonly keyId: string;
  readonly provenAt: string;
  readonly challengeId: string;
  /** Of a cluster. */
  readonly hsms: readonly { readonly hsmId: string; readonly stateDigest: string }[];
  readonly equal: boolean;
  readonly stateDigest: string;
  /** Of a backup. */
  readonly restorableOffline: string;
  readonly clusterId: string;
  readonly backupId: string;
  readonly state: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly trigger: string;
  readonly failure: unknown;
  readonly damage: unknown;
  readonly chainNumber: number;
  readonly previousDigest: string | null;
  readonly containerDigest: string;
  readonly bodyBytes: number;
  readonly records: number;
  readonly envelope: {
    readonly recipients: readonly { readonly kind: string }[];
    readonly bodyBytes: number;
    readonly containerDigest: string;
  };
  readonly manifest: readonly { readonly type: string; readonly digest: string | null }[];
}

/** As they go over the wire: timestamps are numbers, of seconds. */
interface WireCluster {
  readonly ClusterId: string;
  readonly Mode: string;
  readonly SourceBackupId: string;
  readonly BackupRetentionPolicy: unknown;
  readonly PreCoPassword: string;
}

interface WireBackup {
  readonly BackupId: string;
  readonly BackupState: string;
  readonly CreateTimestamp: number;
  readonly DeleteTimestamp: number;
}

/** Of the AWS wire, and of what is refused before it is known which surface was meant. */
export interface WireBody {
  readonly __type: string;
  readonly Message: string;
  readonly message: string;
  readonly error: RestBody["error"];
  readonly Cluster: WireCluster;
  readonly Clusters: readonly WireCluster[];
  readonly Backup: WireBackup;
  readonly Backups: readonly WireBackup[];
}
