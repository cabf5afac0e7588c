/**
 * What the control plane asks of an HSM. Every call is idempotent: an alarm may ask twice.
 *
 * Nothing here carries plaintext of an HSM's memory: what leaves it is a container, sealed and put.
 */
import type { BackupLocation } from "../../backup/seal/location.ts";
import type { HsmMode } from "../../hsm/memory/configuration-record.ts";
import type { Position } from "./peer-api.ts";
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
  /** From 1. */
  readonly envelopeNumber: number;
  /** Hex SHA-256 of the envelope. */
  readonly envelopeDigest: string;
  /** Hex SHA-256 of the container. */
  readonly containerDigest: string;
  readonly containerBytes: number;
  /** Hex. */
  readonly stateDigest: string;
  /** Of the recovery keys that it is sealed for: 32 hex digits each. */
  readonly recoveryKeyIds: readonly string[];
}

/** What to restore, verify, inspect or download, as the catalogue knows it; and for what target. */
export interface StoredBackupOrder {
  readonly source: BackupLocation;
  readonly bodyKey: string;
  readonly bodyEtag: string;
  readonly bodyBytes: number;
  readonly envelopeKey: string;
  /** "" of a backup that an earlier build made: the size decides alone. */
  readonly envelopeEtag: string;
  readonly envelopeBytes: number;
  readonly envelopeNumber: number;
  /** Hex SHA-256 of the newest envelope; "" as above. */
  readonly envelopeDigest: string;
  readonly containerDigest: string;
  readonly target: { readonly hsmType: string; readonly mode: HsmMode };
}

export interface RestoreReceipt {
  /** Hex. */
  readonly stateDigest: string;
  /** PEM of the cluster certificate found inside; "" if the cluster was never initialised. */
  readonly clusterCertificate: string;
}

/**
 * An HSM's part in its cluster. Orders have numbers that grow from one to the next: one that is
 * older than what the HSM has heard already is refused (`order_stale`), whenever it arrives.
 */
export interface ServiceDuty {
  readonly number: number;
  readonly leader: boolean;
  /** The other ACTIVE HSMs of the cluster, and one that joins; empty unless `leader`. */
  readonly peers: readonly HsmLocation[];
}

/** A peer that the leader found equal to itself, digest by digest, at this place of its history. */
export interface ComparedPeer extends Position {
  readonly hsmId: string;
  /** Number of the change whose digest was compared; what was written since is not on the peer. */
  readonly change: number;
}

export interface ServiceOrder extends ServiceDuty {
  /** Of the peers the one that joins; null: all of them serve already. */
  readonly joining: ComparedPeer | null;
  /**
   * Number of the latest order that the HSM has answered to have taken. One that has not heard of it has lost
   * what came since: its whole database was put back (`hsm_memory_changed`).
   */
  readonly obeyed: number;
}

/** RPC face of the `Hsm` Durable Object towards `Region`. */
export interface HsmApi {
  /** Makes an HSM: identity key and certificates, AKBK installed, and the users it starts with. */
  manufacture(order: ManufactureOrder): Promise<Result<HardwareIdentity>>;
  /** Takes the cluster certificate and trust anchor (PEM) into the configuration. */
  initialize(clusterCertificate: string, trustAnchor: string): Promise<Result<null>>;
  /** Snapshot, wrap, verify, seal, put. Returns when both objects are in the bucket. */
  createBackup(order: CreateBackupOrder): Promise<Result<BackupReceipt>>;
  /**
   * Whether its memory can be read, and is not older than an order that it has taken: asked before anything
   * is done that relies on it. `obeyed`: as of a `ServiceOrder`.
   */
  fitness(obeyed: number): Promise<Result<null>>;
  /**
   * As `fitness`, but for the records, which a backup looks at itself: asked before one is begun, so that an
   * HSM under another storage key burns no number.
   */
  opens(obeyed: number): Promise<Result<null>>;
  /**
   * Stages, authenticates, then flips: afterwards nothing of the earlier state is left, and the HSM
   * follows. `number`: as of a `ServiceDuty`.
   */
  restore(order: StoredBackupOrder, number: number): Promise<Result<RestoreReceipt>>;
  /** Hex digest of the cluster state this HSM holds. */
  stateDigest(): Promise<Result<string>>;
  /**
   * Takes no changes for a while (`hsm_frozen`; SCHEDULE, `holdMs`), so that `bringUp` comes to an
   * end beside clients that write. Only a leader is held, and by one holder: the id of the HSM that
   * joins. Asked again it lasts longer; it ends by its time, whatever became of who asked.
   */
  hold(holder: string): Promise<Result<null>>;
  /** Ends the hold of this holder; another's stays. */
  release(holder: string): Promise<Result<null>>;
  /**
   * Brings an HSM that was restored from this leader's backup to where the leader stands, and
   * compares the two. Refused with `peer_off_line` if it does not come from this leader's history.
   */
  bringUp(peer: HsmLocation): Promise<Result<ComparedPeer>>;
  /**
   * Serves the data plane. As leader it brings `peers` to where it stands, then applies writes and
   * pushes each to them, in order, before it acknowledges; any other HSM refuses direct writes
   * (code `not_leader`). With `joining` it answers only when that peer has everything; refused with
   * `peer_behind` if it could not be brought there, and then it is no peer.
   */
  serve(order: ServiceOrder): Promise<Result<null>>;
  /**
   * Takes no changes any more (`hsm_leaving`) until a later order says otherwise, then brings its
   * peers to where it stands or reports them: one of them may lead from the answer on. Reads go on.
   */
  retire(number: number): Promise<Result<null>>;
  /** Whether PRECO has become the first CO in the memory that it holds; false for a blank HSM. */
  isActivated(): Promise<Result<boolean>>;
  /**
   * As `zeroize`, where it holds nothing but what it was made with: the one thing that an HSM does
   * under another storage key than its own. Refused with `hsm_activated` once PRECO has become CO.
   */
  discard(): Promise<Result<null>>;
  /** Destroys everything the HSM holds. */
  zeroize(): Promise<Result<null>>;
}
