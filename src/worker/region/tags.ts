/**
 * Tags of clusters and backups: at most 50 each, keys unique, the prefix `aws:` reserved.
 */
import type { Refusal } from "../../cluster/refusal.ts";
import type { Tag } from "../contracts/control-api.ts";
import { type Result, refusal, refuseWith, success } from "../contracts/result.ts";
import type { RegionContext } from "./context.ts";

const MAX_TAGS = 50;

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

export function putTags(context: RegionContext, resourceId: string, tags: readonly Tag[]): void {
  for (const { key, value } of tags) context.store.putTag({ resourceId, key, value });
}

export function listTags(context: RegionContext, resourceId: string): Result<readonly Tag[]> {
  const missing = missingResource(context, resourceId);
  if (missing !== null) return missing;
  return success(context.store.tags(resourceId).map(({ key, value }) => ({ key, value })));
}

export function tagResource(
  context: RegionContext,
  resourceId: string,
  tags: readonly Tag[],
): Result<null> {
  const missing = missingResource(context, resourceId);
  if (missing !== null) return missing;
  const existing = context.store.tags(resourceId).map((tag) => tag.key);
  const reason = tagsRefusal(existing, tags);
  if (reason !== null) return refuseWith(reason);
  putTags(context, resourceId, tags);
  return success(null);
}

export function untagResource(
  context: RegionContext,
  resourceId: string,
  keys: readonly string[],
): Result<null> {
  const missing = missingResource(context, resourceId);
  if (missing !== null) return missing;
  for (const key of keys) context.store.deleteTag(resourceId, key);
  return success(null);
}

function missingResource(context: RegionContext, resourceId: string): Result<never> | null {
  const row = resourceId.startsWith("cluster-")
    ? context.store.cluster(resourceId)
    : context.store.backup(resourceId);
  if (row !== null && row.state !== "DELETED") return null;
  return refusal("not_found", "resource_not_found", `Resource '${resourceId}' was not found.`);
}
