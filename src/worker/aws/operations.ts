/**
 * The operations of the CloudHSM V2 wire: what each accepts, who may ask, and what it answers.
 *
 * Spec: docs/AWS.md lists all eighteen. A handler translates and nothing more; rules live in
 * src/cluster, effects in the `Region` object.
 */
import type * as z from "zod";
import { type AccessRole, type Action, isPermitted } from "../../cluster/permissions.ts";
import { waitsForActivation } from "../../cluster/states.ts";
import type {
  CatalogView,
  ClusterView,
  ControlApi,
  Listing,
  Tag,
} from "../contracts/control-api.ts";
import type { Place } from "../contracts/place.ts";
import type { ReaderApi } from "../contracts/reader-api.ts";
import { type Result, refusal, success } from "../contracts/result.ts";
import * as schemas from "./schemas.ts";
import { backupShape, clusterShape, hsmShape, type Shape, tagShapes } from "./shapes.ts";

/** Who asks, and where: everything an operation may depend on besides its input. */
export interface Scope {
  readonly region: ControlApi;
  reader(): Pick<ReaderApi, "preCoPasswords">;
  readonly place: Place;
  readonly role: AccessRole;
}

interface Operation {
  readonly action: Action;
  answer(scope: Scope, input: unknown): Promise<Result<Shape>>;
}

/** Binds a schema to its handler: input reaches the handler only in the schema's shape. */
function operation<Schema extends z.ZodType>(
  action: Action,
  schema: Schema,
  handle: (scope: Scope, input: z.output<Schema>) => Promise<Result<Shape>>,
): Operation {
  return {
    action,
    answer: async (scope, input) => {
      const parsed = schema.safeParse(input);
      if (parsed.success) return handle(scope, parsed.data);
      return refusal("invalid", "request_invalid", schemas.describeIssue(parsed.error));
    },
  };
}

const CLUSTERS_PAGE = 25;
const BACKUPS_PAGE = 50;
const TAGS_PAGE = 100;

const createCluster = operation("write", schemas.CREATE_CLUSTER, async (scope, input) => {
  const { place, region } = scope;
  const created = await region.createCluster(place, {
    hsmType: input.HsmType,
    mode: input.Mode ?? null,
    subnetIds: input.SubnetIds,
    networkType: input.NetworkType ?? "IPV4",
    sourceBackup: input.SourceBackupId ?? null,
    retentionDays: input.BackupRetentionPolicy ? Number(input.BackupRetentionPolicy.Value) : null,
    tags: tagsOf(input.TagList ?? []),
  });
  return map(created, (view) => ({ Cluster: clusterShape(view, null) }));
});

const describeClusters = operation("read", schemas.DESCRIBE_CLUSTERS, async (scope, input) => {
  const listed = await scope.region.describeClusters({
    filters: input.Filters ?? {},
    ascending: false,
    limit: input.MaxResults ?? CLUSTERS_PAGE,
    token: input.NextToken || null,
  });
  if (!listed.ok) return listed;
  const passwords = await preCoPasswords(scope, listed.value.items);
  const shape = (view: ClusterView) => clusterShape(view, passwords.get(view.clusterId) ?? null);
  return success(page("Clusters", listed.value, shape));
});

/** For those who may activate a cluster, of the clusters that wait for it: all in one call. */
async function preCoPasswords(
  { reader, role }: Scope,
  clusters: readonly ClusterView[],
): Promise<ReadonlyMap<string, string>> {
  const waiting = clusters.filter(({ state }) => waitsForActivation(state));
  if (waiting.length === 0 || !isPermitted(role, "write")) return new Map();
  return reader().preCoPasswords(waiting.map(({ clusterId }) => clusterId));
}

const initializeCluster = operation("write", schemas.INITIALIZE_CLUSTER, async (scope, input) => {
  const begun = await scope.region.initializeCluster({
    clusterId: input.ClusterId,
    signedCertificate: input.SignedCert,
    trustAnchor: input.TrustAnchor,
  });
  return map(begun, ({ state, stateMessage }) => ({
    State: state,
    StateMessage: stateMessage,
  }));
});

const deleteCluster = operation("delete", schemas.DELETE_CLUSTER, async ({ region }, input) =>
  map(await region.deleteCluster(input.ClusterId), (view) => ({
    Cluster: clusterShape(view, null),
  })),
);

const modifyCluster = operation("delete", schemas.MODIFY_CLUSTER, async ({ region }, input) => {
  const { BackupRetentionPolicy: policy } = input;
  if (input.HsmType !== undefined || policy === undefined) {
    return refusal(
      "invalid",
      "modification_unsupported",
      "ModifyCluster changes the BackupRetentionPolicy only; a cluster's HSM type cannot be " +
        "changed in place by this deployment. Create a cluster of the other type from a backup.",
    );
  }
  const modified = await region.modifyCluster(input.ClusterId, Number(policy.Value));
  return map(modified, (view) => ({ Cluster: clusterShape(view, null) }));
});

const createHsm = operation("write", schemas.CREATE_HSM, async ({ region }, input) => {
  const created = await region.createHsm({
    clusterId: input.ClusterId,
    availabilityZone: input.AvailabilityZone,
    ipAddress: input.IpAddress ?? null,
  });
  return map(created, (view) => ({ Hsm: hsmShape(view) }));
});

const deleteHsm = operation("delete", schemas.DELETE_HSM, async ({ region }, input) => {
  const names = [input.HsmId, input.EniId, input.EniIp].filter((name) => name !== undefined);
  if (names.length !== 1) {
    return refusal("invalid", "hsm_name", "Specify exactly one of HsmId, EniId and EniIp.");
  }
  const deleted = await region.deleteHsm({
    clusterId: input.ClusterId,
    hsmId: input.HsmId ?? null,
    eniId: input.EniId ?? null,
    eniIp: input.EniIp ?? null,
  });
  return map(deleted, ({ hsmId }) => ({ HsmId: hsmId }));
});

const describeBackups = operation("read", schemas.DESCRIBE_BACKUPS, async ({ region }, input) => {
  if (input.Shared === true) return success({ Backups: [] }); // Nothing is shared between accounts.
  const listed = await region.describeBackups({
    filters: input.Filters ?? {},
    ascending: input.SortAscending ?? false,
    limit: input.MaxResults ?? BACKUPS_PAGE,
    token: input.NextToken || null,
  });
  return map(listed, (listing) => page("Backups", listing, backupShape));
});

const deleteBackup = operation("delete", schemas.ONE_BACKUP, async ({ region }, input) =>
  map(await region.deleteBackup(input.BackupId), oneBackup),
);

const restoreBackup = operation("write", schemas.ONE_BACKUP, async ({ region }, input) =>
  map(await region.undeleteBackup(input.BackupId), oneBackup),
);

const modifyBackupAttributes = operation(
  "delete",
  schemas.MODIFY_BACKUP_ATTRIBUTES,
  async ({ region }, input) =>
    map(await region.modifyBackup(input.BackupId, input.NeverExpires), oneBackup),
);

const listTags = operation("read", schemas.LIST_TAGS, async ({ region }, input) => {
  const listed = await region.listTags(input.ResourceId);
  const start = input.NextToken ? Number(input.NextToken) : 0;
  if (!Number.isSafeInteger(start) || start < 0) {
    const message = "NextToken is not one that this operation returned.";
    return refusal("invalid", "token_invalid", message);
  }
  const end = start + (input.MaxResults ?? TAGS_PAGE);
  return map(listed, (tags) => ({
    TagList: tagShapes(tags.slice(start, end)),
    ...(end < tags.length ? { NextToken: String(end) } : {}),
  }));
});

const tagResource = operation("write", schemas.TAG_RESOURCE, async ({ region }, input) =>
  map(await region.tagResource(input.ResourceId, tagsOf(input.TagList)), () => ({})),
);

const untagResource = operation("write", schemas.UNTAG_RESOURCE, async ({ region }, input) =>
  map(await region.untagResource(input.ResourceId, input.TagKeyList), () => ({})),
);

export const AWS_OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ["CreateCluster", createCluster],
  ["DescribeClusters", describeClusters],
  ["InitializeCluster", initializeCluster],
  ["ModifyCluster", modifyCluster],
  ["DeleteCluster", deleteCluster],
  ["CreateHsm", createHsm],
  ["DeleteHsm", deleteHsm],
  ["DescribeBackups", describeBackups],
  ["DeleteBackup", deleteBackup],
  ["RestoreBackup", restoreBackup],
  ["ModifyBackupAttributes", modifyBackupAttributes],
  ["ListTags", listTags],
  ["TagResource", tagResource],
  ["UntagResource", untagResource],
]);

/** Operations of the model that this deployment answers with a clear refusal. */
export const NOT_OFFERED: readonly string[] = [
  "CopyBackupToRegion",
  "GetResourcePolicy",
  "PutResourcePolicy",
  "DeleteResourcePolicy",
];

function map<T>(result: Result<T>, shape: (value: T) => Shape): Result<Shape> {
  return result.ok ? success(shape(result.value)) : result;
}

function page<View>(name: string, listing: Listing<View>, shape: (view: View) => Shape): Shape {
  const items = listing.items.map(shape);
  return { [name]: items, ...(listing.nextToken === null ? {} : { NextToken: listing.nextToken }) };
}

function oneBackup(view: CatalogView): Shape {
  return { Backup: backupShape(view) };
}

function tagsOf(list: readonly { Key: string; Value: string }[]): Tag[] {
  return list.map(({ Key, Value }) => ({ key: Key, value: Value }));
}
