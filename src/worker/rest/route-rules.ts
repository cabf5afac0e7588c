/**
 * What is decided of a request before its handler runs: what the route may change, whether it takes a body,
 * how long that may be and for whom, and whether its answer may be kept, and for whom.
 *
 * Spec: docs/API.md, "Bodies" and "Repeating". A route that is not in the table is taken for one that
 * changes something, takes a short body and answers a secret; a test demands that every route is in it.
 */
import type { Input } from "../contracts/data-plane.ts";

const BULK_BYTES = 8 * 1024 * 1024;
const USUAL_BYTES = 1024 * 1024;
const SHORT_BYTES = 64 * 1024;

export interface RouteRules {
  /** `reads`: open to roles that only read. `uses`: makes an HSM work, and leaves it as it was. */
  readonly effect: "reads" | "uses" | "changes";
  /** Where it takes none, `{}` is as good as none: some clients send it with every POST. */
  readonly takesBody: boolean;
  readonly maxBodyBytes: number;
  /** What the HSM is asked before a body of more than 64 KiB is read; null: there is no such body. */
  readonly permission: Input<"admit"> | null;
  /** Whether the answer may be kept for a day, and given again to a repeated request. */
  readonly isKept: boolean;
  /** Whether it is asked in a session of an HSM's user: nobody else is told again what came of it. */
  readonly inSession: boolean;
}

const CHANGES: RouteRules = {
  effect: "changes",
  takesBody: true,
  maxBodyBytes: SHORT_BYTES,
  permission: null,
  isKept: true,
  inSession: true,
};
/** By its path alone. */
const CHANGES_BARE: RouteRules = { ...CHANGES, takesBody: false };
const SECRET: RouteRules = { ...CHANGES, isKept: false };
const READS: RouteRules = { ...CHANGES_BARE, effect: "reads", isKept: false, inSession: false };

function using(permission: Input<"admit">): RouteRules {
  return { ...CHANGES, effect: "uses", maxBodyBytes: USUAL_BYTES, permission, isKept: false };
}

function taking(maxBodyBytes: number, permission: Input<"admit">): RouteRules {
  return { ...CHANGES, maxBodyBytes, permission };
}

/** By method and path, as the OpenAPI document has them. */
export const ROUTE_RULES: Readonly<Record<string, RouteRules>> = {
  "POST /v1/backups/{backupId}/verify": READS,
  "POST /v1/clusters/{clusterId}/backups": { ...CHANGES_BARE, inSession: false },

  "POST /v1/recovery-keys/{keyId}/challenges": { ...CHANGES_BARE, inSession: false },
  "POST /v1/recovery-keys/{keyId}/proofs": { ...CHANGES, inSession: false },

  "POST /v1/clusters/{clusterId}/activate": { ...CHANGES, inSession: false },
  "POST /v1/clusters/{clusterId}/sessions": { ...SECRET, inSession: false },
  "DELETE /v1/clusters/{clusterId}/sessions/current": CHANGES_BARE,
  "POST /v1/clusters/{clusterId}/users": CHANGES,
  "POST /v1/clusters/{clusterId}/users:import": taking(BULK_BYTES, "manage users"),
  "PUT /v1/clusters/{clusterId}/users/{username}/password": CHANGES,
  "DELETE /v1/clusters/{clusterId}/users/{username}": CHANGES_BARE,

  "POST /v1/clusters/{clusterId}/keys": taking(USUAL_BYTES, "manage keys"),
  "POST /v1/clusters/{clusterId}/keys:import": taking(BULK_BYTES, "manage keys"),
  "POST /v1/clusters/{clusterId}/keys:generate": CHANGES,
  "POST /v1/clusters/{clusterId}/keys:generate-pair": CHANGES,
  "PATCH /v1/clusters/{clusterId}/keys/{handle}": CHANGES,
  "DELETE /v1/clusters/{clusterId}/keys/{handle}": CHANGES_BARE,
  "POST /v1/clusters/{clusterId}/keys/{handle}/share": CHANGES,
  "POST /v1/clusters/{clusterId}/keys/{handle}/unshare": CHANGES,
  "POST /v1/clusters/{clusterId}/keys/{handle}/unwrap": taking(USUAL_BYTES, "manage keys"),
  "POST /v1/clusters/{clusterId}/keys/{handle}/wrap": SECRET,
  "POST /v1/clusters/{clusterId}/keys/{handle}/export": SECRET,
  "POST /v1/clusters/{clusterId}/keys/{handle}/sign": using("sign and verify"),
  "POST /v1/clusters/{clusterId}/keys/{handle}/verify": using("sign and verify"),
  "POST /v1/clusters/{clusterId}/keys/{handle}/encrypt": using("encrypt and decrypt"),
  "POST /v1/clusters/{clusterId}/keys/{handle}/decrypt": using("encrypt and decrypt"),
  "POST /v1/clusters/{clusterId}/message-digests": using("digest"),

  "POST /v1/clusters/{clusterId}/certificates": taking(USUAL_BYTES, "manage certificates"),
  "DELETE /v1/clusters/{clusterId}/certificates/{certificateId}": CHANGES_BARE,
  "PATCH /v1/clusters/{clusterId}/policies": CHANGES,
};

const PATTERNS = Object.entries(ROUTE_RULES).map(([route, rules]) => {
  const pattern = route.replace(/\{\w+\}/g, "[^/]+");
  return { pattern: new RegExp(`^${pattern}$`), rules };
});

/** Hono serves HEAD by the handlers of GET. */
const READING_METHODS = new Set(["GET", "HEAD"]);

export function rulesOf(method: string, path: string): RouteRules {
  if (READING_METHODS.has(method)) return READS;
  const found = PATTERNS.find(({ pattern }) => pattern.test(`${method} ${path}`));
  return found?.rules ?? SECRET;
}
