/**
 * Our names and the wire's: views as the structures Cluster, Hsm and Backup of the CloudHSM V2
 * model.
 *
 * Timestamps are seconds with a fraction, as numbers: clients refuse text. TagList is always there,
 * and a member without a value is left out.
 */
import { encodeBackupArn } from "../../cluster/ids.ts";
import type {
  CatalogView,
  ClusterCertificates,
  ClusterView,
  HsmView,
  Tag,
} from "../contracts/control-api.ts";

export type Shape = Readonly<Record<string, unknown>>;

/** @param preCoPassword - null where there is none to show. */
export function clusterShape(view: ClusterView, preCoPassword: string | null): Shape {
  return present({
    BackupPolicy: "DEFAULT",
    BackupRetentionPolicy: { Type: "DAYS", Value: String(view.retentionDays) },
    ClusterId: view.clusterId,
    CreateTimestamp: seconds(view.createdAtMs),
    Hsms: view.hsms.map(hsmShape),
    HsmType: view.hsmType,
    PreCoPassword: preCoPassword,
    SecurityGroup: view.securityGroup,
    SourceBackupId: view.sourceBackupId,
    State: view.state,
    StateMessage: view.stateMessage,
    SubnetMapping: view.subnetMapping,
    VpcId: view.vpcId,
    NetworkType: view.networkType,
    Certificates: certificatesShape(view),
    TagList: tagShapes(view.tags),
    Mode: view.mode,
  });
}

/**
 * Before the claim the request and the chains; after it the owner's certificate and nothing else.
 */
function certificatesShape(view: ClusterView): Shape {
  const { state } = view;
  const all: ClusterCertificates = view.certificates;
  const isClaimed = state !== "UNINITIALIZED" && state !== "INITIALIZE_IN_PROGRESS";
  if (isClaimed && all.clusterCertificate !== undefined) {
    return { ClusterCertificate: all.clusterCertificate };
  }
  return present({
    ClusterCsr: all.clusterCsr,
    HsmCertificate: all.hsmCertificate,
    AwsHardwareCertificate: all.awsHardwareCertificate,
    ManufacturerHardwareCertificate: all.manufacturerHardwareCertificate,
  });
}

export function hsmShape(view: HsmView): Shape {
  return present({
    AvailabilityZone: view.availabilityZone,
    ClusterId: view.clusterId,
    SubnetId: view.subnetId,
    EniId: view.eniId,
    EniIp: view.eniIp,
    HsmId: view.hsmId,
    HsmType: view.hsmType,
    State: view.state,
    StateMessage: view.stateMessage,
  });
}

export function backupShape(view: CatalogView): Shape {
  const { backup } = view;
  const { account, region, clusterId, backupId } = backup.location;
  return present({
    BackupId: backupId,
    BackupArn: encodeBackupArn(account, region, backupId),
    BackupState: backup.state,
    ClusterId: clusterId,
    CreateTimestamp: seconds(backup.createdAtMs),
    NeverExpires: view.neverExpires,
    DeleteTimestamp: backup.deleteAtMs === null ? null : seconds(backup.deleteAtMs),
    TagList: tagShapes(view.tags),
    HsmType: backup.hsmType,
    Mode: backup.mode,
  });
}

export function tagShapes(tags: readonly Tag[]): Shape[] {
  return tags.map(({ key, value }) => ({ Key: key, Value: value }));
}

function seconds(atMs: number): number {
  return atMs / 1000;
}

function present(members: Record<string, unknown>): Shape {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== null && value !== undefined),
  );
}
