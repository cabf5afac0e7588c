/**
 * What each operation of the CloudHSM V2 wire accepts: the service model's shapes as schemas.
 *
 * Spec: API version 2017-04-28. Clients check neither patterns nor enumerations nor upper bounds,
 * so all of them are checked here. Members that the model does not know are ignored, as AWS does.
 */
import * as z from "zod";

const text = z.string();
const anchored = (pattern: string) => text.regex(new RegExp(`^(?:${pattern})$`, "u"));

const REGION_PATTERN = "[a-z]{2}(-(gov))?-(east|west|north|south|central){1,2}-\\d";
const ARN_REGION_PATTERN =
  "[a-z]{2}(-(gov|isob|iso))?-(east|west|north|south|central){1,2}-[0-9]{1}";

const clusterId = anchored("cluster-[2-7a-zA-Z]{11,16}");
const hsmId = anchored("hsm-[2-7a-zA-Z]{11,16}");
const backupId = anchored("backup-[2-7a-zA-Z]{11,16}");
const backupArn = anchored(
  `(arn:aws(-(us-gov))?:cloudhsm:(${ARN_REGION_PATTERN}):[0-9]{12}:backup/)?` +
    "backup-[2-7a-zA-Z]{11,16}",
);
const resourceId = anchored("(?:cluster|backup)-[2-7a-zA-Z]{11,16}");
const subnetId = anchored("subnet-[0-9a-fA-F]{8,17}");
const eniId = anchored("eni-[0-9a-fA-F]{8,17}");
const ipAddress = anchored("\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}");
const availabilityZone = anchored(`${REGION_PATTERN}[a-z]`);
const hsmType = anchored("((p|)hsm[0-9][a-z.]*\\.[a-zA-Z]+)").max(32);
const certificate = anchored("[a-zA-Z0-9+-/=\\s]*").max(20_000);
const mode = z.enum(["FIPS", "NON_FIPS"]);
const nextToken = text.max(256);
const filters = z
  .record(anchored("[a-zA-Z0-9_\\-]+"), z.array(text).max(100))
  .refine((map) => Object.keys(map).length <= 30, "at most 30 filters");
const maxResults = (most: number) => z.int().min(1).max(most);

const TAG_CHARACTERS = "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*";
const tagKey = anchored(TAG_CHARACTERS).min(1).max(128);
const tagValue = anchored(TAG_CHARACTERS).max(256);
const tagList = z
  .array(z.object({ Key: tagKey, Value: tagValue }))
  .min(1)
  .max(50);
const retentionPolicy = z.object({
  Type: z.enum(["DAYS"]).default("DAYS"),
  Value: anchored("[0-9]+").min(1).max(3),
});

export const CREATE_CLUSTER = z.object({
  BackupRetentionPolicy: retentionPolicy.optional(),
  HsmType: hsmType,
  SourceBackupId: backupArn.optional(),
  SubnetIds: z.array(subnetId).min(1).max(10),
  NetworkType: z.enum(["IPV4", "DUALSTACK"]).optional(),
  TagList: tagList.optional(),
  Mode: mode.optional(),
});

export const DESCRIBE_CLUSTERS = z.object({
  Filters: filters.optional(),
  NextToken: nextToken.nullish(),
  MaxResults: maxResults(25).optional(),
});

export const CREATE_HSM = z.object({
  ClusterId: clusterId,
  AvailabilityZone: availabilityZone,
  IpAddress: ipAddress.optional(),
});

export const INITIALIZE_CLUSTER = z.object({
  ClusterId: clusterId,
  SignedCert: certificate,
  TrustAnchor: certificate,
});

export const DELETE_HSM = z.object({
  ClusterId: clusterId,
  HsmId: hsmId.optional(),
  EniId: eniId.optional(),
  EniIp: ipAddress.optional(),
});

export const DELETE_CLUSTER = z.object({ ClusterId: clusterId });

export const MODIFY_CLUSTER = z.object({
  ClusterId: clusterId,
  HsmType: hsmType.optional(),
  BackupRetentionPolicy: retentionPolicy.optional(),
});

export const DESCRIBE_BACKUPS = z.object({
  NextToken: nextToken.nullish(),
  MaxResults: maxResults(50).optional(),
  Filters: filters.optional(),
  Shared: z.boolean().optional(),
  SortAscending: z.boolean().optional(),
});

export const ONE_BACKUP = z.object({ BackupId: backupId });

export const MODIFY_BACKUP_ATTRIBUTES = z.object({ BackupId: backupId, NeverExpires: z.boolean() });

export const LIST_TAGS = z.object({
  ResourceId: resourceId,
  NextToken: nextToken.nullish(),
  MaxResults: maxResults(100).optional(),
});

export const TAG_RESOURCE = z.object({ ResourceId: resourceId, TagList: tagList });

export const UNTAG_RESOURCE = z.object({
  ResourceId: resourceId,
  TagKeyList: z.array(tagKey).min(1).max(50),
});

/**
 * The first thing wrong with a request, in the manner of AWS: where, and what was expected there.
 */
export function describeIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return "The request is not valid.";
  const path = issue.path.map(String).join(".") || "the request";
  const count =
    error.issues.length === 1 ? "1 validation error" : `${error.issues.length} validation errors`;
  return `${count} detected: Value at '${path}' failed to satisfy constraint: ${issue.message}`;
}
