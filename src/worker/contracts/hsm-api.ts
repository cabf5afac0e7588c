/**
 * What the control plane asks of an HSM. Every call is idempotent: an alarm may ask twice.
 *
 * Nothing here carries plaintext of an HSM's memory: what leaves it is a container, sealed and put.
 */
import type { BackupLocation } from "../../backup/seal/location.ts";
import type { HsmMode } from "../../hsm/memory/configuration-record.ts";
import type { HsmLocation } from "./place.ts";
import type { Result } from "./result.ts";

export interface ManufactureOrder {
  readonly location: HsmLocation;
  readonly hsmType: string;
  readonly mode: HsmMode;
  /** Whether it starts with users, PRECO and AU; one that a restore will fill starts with none. */
  readonly hasPreco: boolean;
}

/** What a new HSM shows of itself. PEM. */
export interface HardwareIdentity {
  readonly clusterCsr: string;
  readonly hsmCertificate: string;
  readonly awsHardwareCertificate: string;
  readonly manufacturerHardwareCertificate: string;
}

export interface CreateBackupOrder {
  readonly location: BackupLocation;
  /** What its header says beside the names of the location. */
  readonly origin: {
    readonly lineageId: string;
    readonly hsmType: string;
    readonly mode: HsmMode;
    readonly createdAtMs: number;
    readonly chainNumber: number;
    /** Hex SHA-256 of the predecessor's container; "" for the first of a lineage. */
    readonly previousDigest: string;
  };
}

/** What the catalogue keeps of a backup whose objects are in the bucket. */
export interface BackupReceipt {
  readonly bodyKey: string;
  readonly bodyEtag: string;
  readonly bodyBytes: number;
  readonly envelopeKey: string;
  readonly envelopeEtag: string;
  readonly envelopeBytes: number;
  /** Hex SHA-256 of the container. */
  readonly containerDigest: string;
  readonly containerBytes: number;
  /** Hex. */
  readonly stateDigest: string;
  readonly restorableOffline: boolean;
}

/** What to restore, verify, inspect or download, as the catalogue knows it; and for what target. */
export interface StoredBackupOrder {
  readonly source: BackupLocation;
  readonly bodyKey: string;
  readonly bodyEtag: string;
  readonly bodyBytes: number;
  readonly envelopeKey: string;
  /** "" where the catalogue does not know it yet: the size decides alone. */
  readonly envelopeEtag: string;
  readonly envelopeBytes: number;
  readonly containerDigest: string;
  readonly target: { readonly hsmType: string; readonly mode: HsmMode };
}

export interface RestoreReceipt {
  /** Hex. */
  readonly stateDigest: string;
  /** PEM of the cluster certificate found inside; "" if the cluster was never initialised. */
  readonly clusterCertificate: string;
}

/** An HSM's part in its cluster, told to it by `Region` whenever the membership changes. */
export interface ServiceDuty {
  readonly leader: boolean;
  /** The other ACTIVE HSMs of the cluster; empty unless `leader`. */
  readonly peers: readonly HsmLocation[];
}

/** RPC face of the `Hsm` Durable Object towards `Region`. */
export interface HsmApi {
  /** Makes an HSM: identity key and certificates, AKBK installed, and the users it starts with. */
  manufacture(order: ManufactureOrder): Promise<Result<HardwareIdentity>>;
  /** Takes the cluster certificate and trust anchor (PEM) into the configuration. */
  initialize(clusterCertificate: string, trustAnchor: string): Promise<Result<null>>;
  /** Snapshot, wrap, verify, seal, put. Returns when both objects are in the bucket. */
  createBackup(order: CreateBackupOrder): Promise<Result<BackupReceipt>>;
  /** Stages, authenticates, then flips: afterwards nothing of the earlier state is left. */
  restore(order: StoredBackupOrder): Promise<Result<RestoreReceipt>>;
  /** Hex digest of the cluster state this HSM holds. */
  stateDigest(): Promise<Result<string>>;
  /**
   * Accepts no change of cluster state from now on (answers "unavailable", code `hsm_frozen`), so
   * that a backup taken next holds every acknowledged write. Reads go on. Lasts until `serve`.
   */
  freeze(): Promise<Result<null>>;
  /**
   * Serves the data plane. As leader it applies writes and pushes each to `peers`, in order, before
   * it acknowledges; any other HSM refuses direct writes (code `not_leader`).
   */
  serve(duty: ServiceDuty): Promise<Result<null>>;
  /** Whether PRECO has become the first CO in the memory that it holds; false for a blank HSM. */
  isActivated(): Promise<Result<boolean>>;
  /** Destroys everything the HSM holds. */
  zeroize(): Promise<Result<null>>;
}
