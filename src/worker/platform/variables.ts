/**
 * Variables as the platform hands them over: text, checked against a schema.
 *
 * Spec: docs/DEPLOY.md, the table of variables. An error names the variable and
 * what is wrong with it, never its value.
 */

import * as z from "zod";
import { requireBase64 } from "../../crypto/base-encodings.ts";

/** Base64 (RFC 4648 §4) as bytes. */
export const base64Bytes = z.base64().transform(requireBase64);

/** The value of a variable that holds JSON. @throws Error. */
export function jsonVariable<T extends z.ZodType>(
  name: string,
  text: string | undefined,
  schema: T,
): z.output<T> {
  let value: unknown;
  try {
    value = text === undefined ? undefined : JSON.parse(text);
  } catch {
    throw new Error(`variable ${name}: not JSON`); // The parser's own message quotes the value.
  }
  return checkedVariable(name, value, schema);
}

/** The value of a variable. @throws Error. */
export function checkedVariable<T extends z.ZodType>(
  name: string,
  value: unknown,
  schema: T,
): z.output<T> {
  if (value === undefined) throw new Error(`variable ${name}: missing (see docs/DEPLOY.md)`);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.code}`);
  throw new Error(`variable ${name}: ${issues.join("; ")}`);
}
