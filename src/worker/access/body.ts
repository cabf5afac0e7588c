/**
 * A request's body within a bound.
 */
import { concatBytes } from "../../crypto/bytes.ts";

/**
 * Reads a body of at most `limitBytes`; null if there is more. Nothing beyond the limit is kept.
 */
export async function readBody(request: Request, limitBytes: number): Promise<Uint8Array | null> {
  if (declaredLength(request) > limitBytes) return null;
  if (request.body === null) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body) {
    length += part.length;
    if (length > limitBytes) return null;
    parts.push(part);
  }
  return concatBytes(...parts);
}

/** Reads a body that nobody has begun to read and keeps nothing of it, unless there is more than `limitBytes`. */
export async function drain(request: Request, limitBytes: number): Promise<void> {
  if (request.body === null || request.bodyUsed || declaredLength(request) > limitBytes) return;
  let length = 0;
  for await (const part of request.body) {
    length += part.length;
    if (length > limitBytes) return;
  }
}

/** Bytes of the body as the headers have it; 0 where they do not say. */
export function declaredLength(request: Request): number {
  return Number(request.headers.get("content-length") ?? 0);
}
