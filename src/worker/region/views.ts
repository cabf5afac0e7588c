/**
 * Rows as others see them: a caller a cluster, an HSM or a backup, and
 * whoever reads a backup what it needs.
 */
import type { CatalogView, ClusterView, HsmView, Tag } from "../contracts/control-api.ts";
import type { StoredBackupOrder } from "../contracts/hsm-api.ts";
import type { BackupView, OfflineState } from "../contracts/region-api.ts";
import type { RegionContext } from "./context.ts";
import {
  type BackupRow,
  type ClusterRow,
  certificatesOf,
  type HsmRow,
  subnetMappingOf,
} from "./rows.ts";

export function clusterView(context: RegionContext, row: ClusterRow): ClusterView {
  return {
    clusterId: row.clusterId,
    state: row.state,
    stateMessage: row.stateMessage,
    createdAtMs: row.createdAtMs,
    hsmType: row.hsmType,
    mode: row.mode,
    retentionDays: row.retentionDays,
    subnetMapping: subnetMappingOf(row),
    vpcId: row.vpcId,
    securityGroup: row.securityGroup,
    networkType: row.networkType,
    sourceBackupId: row.sourceBackupId,
    certificates: certificatesOf(row),
    hsms: context.store.hsmsOf(row.clusterId).map((hsm) => hsmView(hsm, row.hsmType)),
    tags: tagViews(context, row.clusterId),
  };
}

/** @param hsmType - the cluster's. */
export function hsmView(row: HsmRow, hsmType: string): HsmView {
  const { hsmId, clusterId, state, stateMessage, availabilityZone, subnetId, eniId, eniIp } = row;
  const network = { availabilityZone, subnetId, eniId, eniIp };
  return { hsmId, clusterId, state, stateMessage, ...network, hsmType };
}

export function backupView(context: RegionContext, row: BackupRow): BackupView {
  return {
    location: context.store.backupLocation(row),
    state: row.state,
    damage: row.damage,
    createdAtMs: row.createdAtMs,
    deleteAtMs: row.deleteAtMs,
    hsmType: row.hsmType,
    mode: row.mode,
    chainNumber: row.chainNumber,
    previousDigest: row.previousDigest,
    lineageId: row.lineageId,
    trigger: row.trigger,
    failure: row.failure,
    restorableOffline: offlineState(context, row),
    containerDigest: row.containerDigest,
    stateDigest: row.stateDigest,
    bodyBytes: row.bodyBytes,
  };
}

function offlineState({ proofs }: RegionContext, { recoveryKeyIds }: BackupRow): OfflineState {
  if (recoveryKeyIds === "") return "no";
  const isProven = recoveryKeyIds.split(" ").some((keyId) => proofs.isProven(keyId));
  return isProven ? "yes" : "unproven";
}

export function catalogView(context: RegionContext, row: BackupRow): CatalogView {
  return {
    backup: backupView(context, row),
    neverExpires: row.neverExpires === 1,
    tags: [...marksOf(row), ...tagViews(context, row.backupId)],
  };
}

const DAMAGE_TAG = "holdfast:damaged";
/** Characters that the value of a tag may have on the wire. */
const TAG_VALUE_CHARACTERS = 256;

/** What the AWS wire has no member for, as tags that nobody sets or removes. */
export function marksOf({ damage }: BackupRow): Tag[] {
  return damage === null ? [] : [{ key: DAMAGE_TAG, value: damage.slice(0, TAG_VALUE_CHARACTERS) }];
}

/** What an HSM or a reader is told of this backup, for a cluster of the target's kind. */
export function storedBackupOrder(
  context: RegionContext,
  row: BackupRow,
  target: Pick<ClusterRow, "hsmType" | "mode">,
): StoredBackupOrder {
  return {
    source: context.store.backupLocation(row),
    bodyKey: row.bodyKey,
    bodyEtag: row.bodyEtag,
    bodyBytes: row.bodyBytes,
    envelopeKey: row.envelopeKey,
    envelopeEtag: row.envelopeEtag,
    envelopeBytes: row.envelopeBytes,
    envelopeNumber: row.envelopeNumber,
    envelopeDigest: row.envelopeDigest,
    containerDigest: row.containerDigest,
    target: { hsmType: target.hsmType, mode: target.mode },
  };
}

function tagViews(context: RegionContext, resourceId: string): Tag[] {
  return context.store.tags(resourceId).map(({ key, value }) => ({ key, value }));
}
