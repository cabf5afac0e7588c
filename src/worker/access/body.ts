/**
 * The body of a request, read once and within a bound: before anything of it is believed.
 */

/**
 * Reads a body of at most `limitBytes`; null if there is more. Nothing beyond the limit is kept.
 */
export async function readBody(request: Request, limitBytes: number): Promise<Uint8Array | null> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > limitBytes) return null;
  if (request.body === null) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body) {
    length += part.length;
    if (length > limitBytes) return null;
    parts.push(part);
  }
  const body = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    body.set(part, offset);
    offset += part.length;
  }
  return body;
}
