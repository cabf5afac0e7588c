/**
 * Lists in bodies, looked at no further than they are worth.
 *
 * Spec: docs/API.md, "Bodies".
 */
import { z } from "@hono/zod-openapi";

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
