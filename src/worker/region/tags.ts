/**
 * Tags of clusters and backups: at most 50 each, keys unique, the prefix `aws:` reserved.
 */
import type { Refusal } from "../../cluster/refusal.ts";
import type { Tag } from "../contracts/control-api.ts";
import { type Result, refusal, success } from "../contracts/result.ts";
import { type RegionDesk, refused } from "./context.ts";

export const MAX_TAGS = 50;

export function tagsRefusal(existing: readonly string[], added: readonly Tag[]): Refusal | null {
  const keys = added.map((tag) => tag.key);
  const repeated = keys.find((key, index) => keys.indexOf(key) !== index);
  if (repeated !== undefined) {
    const message = `Tag key '${repeated}' is given more than once.`;
    return { kind: "invalid", code: "tag_repeated", message };
  }
  const reserved = keys.find((key) => key.toLowerCase().startsWith("aws:"));
  if (reserved !== undefined) {
    const message = `Tag key '${reserved}' is reserved: it begins with 'aws:'.`;
    return { kind: "invalid", code: "tag_reserved", message };
  }
  if (new Set([...existing, ...keys]).size <= MAX_TAGS) return null;
  return { kind: "limit", code: "tag_limit", message: `A resource can have ${MAX_TAGS} tags.` };
}

export function putTags(desk: RegionDesk, resourceId: string, tags: readonly Tag[]): void {
  for (const { key, value } of tags) desk.store.putTag({ resourceId, key, value });
}

export function listTags(desk: RegionDesk, resourceId: string): Result<readonly Tag[]> {
  const missing = missingResource(desk, resourceId);
  if (missing !== null) return missing;
  return success(desk.store.tags(resourceId).map(({ key, value }) => ({ key, value })));
}

export function tagResource(
  desk: RegionDesk,
  resourceId: string,
  tags: readonly Tag[],
): Result<null> {
  const missing = missingResource(desk, resourceId);
  if (missing !== null) return missing;
  const existing = desk.store.tags(resourceId).map((tag) => tag.key);
  const reason = tagsRefusal(existing, tags);
  if (reason !== null) return refused(reason);
  putTags(desk, resourceId, tags);
  return success(null);
}

export function untagResource(
  desk: RegionDesk,
  resourceId: string,
  keys: readonly string[],
): Result<null> {
  const missing = missingResource(desk, resourceId);
  if (missing !== null) return missing;
  for (const key of keys) desk.store.deleteTag(resourceId, key);
  return success(null);
}

function missingResource(desk: RegionDesk, resourceId: string): Result<never> | null {
  const row = resourceId.startsWith("cluster-")
    ? desk.store.cluster(resourceId)
    : desk.store.backup(resourceId);
  if (row !== null && row.state !== "DELETED") return null;
  return refusal("not_found", "resource_not_found", `Resource '${resourceId}' was not found.`);
}
