/**
 * Tags of clusters and backups: at most 50 each, keys unique, two prefixes reserved.
 *
 * Spec: docs/AWS.md, "Operations". What the region says of a backup by a tag is in none of its rows.
 */
import type { Refusal } from "../../cluster/refusal.ts";
import type { Tag } from "../contracts/control-api.ts";
import { type Result, refusal, refuseWith, success } from "../contracts/result.ts";
import type { RegionContext } from "./context.ts";
import { marksOf } from "./views.ts";

const MAX_TAGS = 50;

export function tagsRefusal(existing: readonly string[], added: readonly Tag[]): Refusal | null {
  const keys = added.map((tag) => tag.key);
  const repeated = keys.find((key, index) => keys.indexOf(key) !== index);
  if (repeated !== undefined) {
    const message = `Tag key '${repeated}' is given more than once.`;
    return { kind: "invalid", code: "tag_repeated", message };
  }
  const reserved = reservedRefusal(keys);
  if (reserved !== null) return reserved;
  if (new Set([...existing, ...keys]).size <= MAX_TAGS) return null;
  return { kind: "limit", code: "tag_limit", message: `A resource can have ${MAX_TAGS} tags.` };
}

const RESERVED_PREFIXES = ["aws:", "holdfast:"];

function reservedRefusal(keys: readonly string[]): Refusal | null {
  for (const key of keys) {
    const prefix = RESERVED_PREFIXES.find((each) => key.toLowerCase().startsWith(each));
    if (prefix === undefined) continue;
    const message = `Tag key '${key}' is reserved: it begins with '${prefix}'.`;
    return { kind: "invalid", code: "tag_reserved", message };
  }
  return null;
}

export function putTags(context: RegionContext, resourceId: string, tags: readonly Tag[]): void {
  for (const { key, value } of tags) context.store.putTag({ resourceId, key, value });
}

export function listTags(context: RegionContext, resourceId: string): Result<readonly Tag[]> {
  const missing = missingResource(context, resourceId);
  if (missing !== null) return missing;
  const backup = context.store.backup(resourceId);
  const marks = backup === null ? [] : marksOf(backup);
  const tags = context.store.tags(resourceId).map(({ key, value }) => ({ key, value }));
  return success([...marks, ...tags]);
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
  const reserved = reservedRefusal(keys);
  if (reserved !== null) return refuseWith(reserved);
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
