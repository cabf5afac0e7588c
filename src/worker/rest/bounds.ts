/**
 * What a body may cost before it is known to be worth it: who may send a long one, and how much of a
 * list is looked at.
 *
 * Spec: docs/API.md, "Bodies".
 */
import { z } from "@hono/zod-openapi";
import type { Input } from "../contracts/data-plane.ts";

const BULK_BYTES = 8 * 1024 * 1024;
const USUAL_BYTES = 1024 * 1024;
const WITHOUT_SESSION_BYTES = 64 * 1024;

/** How long a body may be, and what its sender must be permitted to before a long one is read. */
interface BodyBound {
  readonly bytes: number;
  /** null: it is short for all. */
  readonly permission: Input<"admit"> | null;
}

/** By the path; the first that fits. */
const BOUNDS: readonly (readonly [RegExp, BodyBound])[] = [
  [/^\/v1\/clusters\/[^/]+\/keys:import$/, { bytes: BULK_BYTES, permission: "manage keys" }],
  [/^\/v1\/clusters\/[^/]+\/users:import$/, { bytes: BULK_BYTES, permission: "manage users" }],
  [
    /^\/v1\/clusters\/[^/]+\/keys(\/\d+\/unwrap)?$/,
    { bytes: USUAL_BYTES, permission: "manage keys" },
  ],
  [/\/keys\/\d+\/(sign|verify)$/, { bytes: USUAL_BYTES, permission: "sign and verify" }],
  [/\/keys\/\d+\/(encrypt|decrypt)$/, { bytes: USUAL_BYTES, permission: "encrypt and decrypt" }],
  [/\/message-digests$/, { bytes: USUAL_BYTES, permission: "digest" }],
  [/\/certificates$/, { bytes: USUAL_BYTES, permission: "manage certificates" }],
];

export function boundOf(path: string): BodyBound {
  const found = BOUNDS.find(([end]) => end.test(path));
  return found?.[1] ?? { bytes: WITHOUT_SESSION_BYTES, permission: null };
}

/**
 * A list of 1 to `max` items. Its length is looked at before any item, and items in their order up to the
 * first that is wrong: a list of many wrong ones costs no more than one.
 *
 * @param reference - name of the item's schema in the OpenAPI document.
 */
export function boundedList<T extends z.ZodType>(item: T, max: number, reference: string) {
  return z
    .array(z.unknown())
    .min(1)
    .max(max)
    .transform((values, context) => {
      const items: z.output<T>[] = [];
      for (const [index, value] of values.entries()) {
        const parsed = item.safeParse(value);
        if (!parsed.success) {
          const [issue] = parsed.error.issues;
          const path = [index, ...(issue?.path ?? [])];
          context.addIssue({ code: "custom", path, message: issue?.message ?? "malformed" });
          return z.NEVER;
        }
        items.push(parsed.data);
      }
      return items;
    })
    .openapi({
      type: "array",
      minItems: 1,
      maxItems: max,
      items: { $ref: `#/components/schemas/${reference}` },
    });
}
