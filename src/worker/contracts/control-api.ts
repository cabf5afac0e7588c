/**
 * What the AWS wire asks of the control plane of one account and region.
 *
 * Names are ours (camelCase); aws/shapes.ts translates to and from the wire, and nothing else does.
 */
import type { Filters } from "../../cluster/listing.ts";
import type { ClusterState, HsmState } from "../../cluster/states.ts";
import type { HsmMode } from "../../hsm/memory/configuration-record.ts";
import type { Place } from "./place.ts";
import type { BackupView } from "./region-api.ts";
import type { Result } from "./result.ts";

export interface Tag {
  readonly key: string;
  readonly value: string;
}

export interface CreateClusterOrder {
  readonly hsmType: string;
  readonly mode: HsmMode | null;
  readonly subnetIds: readonly string[];
  readonly networkType: "IPV4" | "DUALSTACK";
  /** Id or ARN of a backup; null for a cluster that starts from nothing. */
  readonly sourceBackup: string | null;
  /** null: the default. */
  readonly retentionDays: number | null;
  readonly tags: readonly Tag[];
}

export interface CreateHsmOrder {
  readonly clusterId: string;
  readonly availabilityZone: string;
  readonly ipAddress: string | null;
}

/** Exactly one of the three names is not null. */
export interface DeleteHsmOrder {
  readonly clusterId: string;
  readonly hsmId: string | null;
  readonly eniId: string | null;
  readonly eniIp: string | null;
}

export interface InitializeOrder {
  readonly clusterId: string;
  /** PEM, both. */
  readonly signedCertificate: string;
  readonly trustAnchor: string;
}

export interface ListOrder {
  readonly filters: Filters;
  readonly ascending: boolean;
  readonly limit: number;
  readonly token: string | null;
}

export interface Listing<View> {
  readonly items: readonly View[];
  readonly nextToken: string | null;
}

export interface HsmView {
  readonly hsmId: string;
  readonly clusterId: string;
  readonly state: HsmState;
  readonly stateMessage: string;
  readonly availabilityZone: string;
  readonly subnetId: string;
  readonly eniId: string;
  readonly eniIp: string;
  readonly hsmType: string;
}

/** What DescribeClusters shows under Certificates; PEM. Either the first four or the last. */
export interface ClusterCertificates {
  readonly clusterCsr?: string;
  readonly hsmCertificate?: string;
  readonly awsHardwareCertificate?: string;
  readonly manufacturerHardwareCertificate?: string;
  readonly clusterCertificate?: string;
}

export interface ClusterView {
  readonly clusterId: string;
  readonly state: ClusterState;
  readonly stateMessage: string;
  readonly createdAtMs: number;
  readonly hsmType: string;
  readonly mode: HsmMode;
  readonly retentionDays: number;
  readonly subnetMapping: Readonly<Record<string, string>>;
  readonly vpcId: string;
  readonly securityGroup: string;
  readonly networkType: string;
  readonly sourceBackupId: string | null;
  readonly certificates: ClusterCertificates;
  readonly hsms: readonly HsmView[];
  readonly tags: readonly Tag[];
}

/** A backup with what only the wire shows of it. */
export interface CatalogView {
  readonly backup: BackupView;
  readonly neverExpires: boolean;
  readonly tags: readonly Tag[];
}

/** RPC face of the `Region` Durable Object towards the AWS wire. */
export interface ControlApi {
  createCluster(place: Place, order: CreateClusterOrder): Promise<Result<ClusterView>>;
  describeClusters(order: ListOrder): Promise<Result<Listing<ClusterView>>>;
  initializeCluster(order: InitializeOrder): Promise<Result<ClusterView>>;
  modifyCluster(clusterId: string, retentionDays: number): Promise<Result<ClusterView>>;
  deleteCluster(clusterId: string): Promise<Result<ClusterView>>;
  createHsm(order: CreateHsmOrder): Promise<Result<HsmView>>;
  deleteHsm(order: DeleteHsmOrder): Promise<Result<HsmView>>;
  describeBackups(order: ListOrder): Promise<Result<Listing<CatalogView>>>;
  deleteBackup(backupId: string): Promise<Result<CatalogView>>;
  undeleteBackup(backupId: string): Promise<Result<CatalogView>>;
  modifyBackup(backupId: string, neverExpires: boolean): Promise<Result<CatalogView>>;
  listTags(resourceId: string): Promise<Result<readonly Tag[]>>;
  tagResource(resourceId: string, tags: readonly Tag[]): Promise<Result<null>>;
  untagResource(resourceId: string, keys: readonly string[]): Promise<Result<null>>;
}
