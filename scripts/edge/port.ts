/**
 * The port of the embedded edge, as the PORT variable gives it.
 */
export const DEFAULT_PORT = 8787;

/** @throws Error that names the value, when it is not a port number. */
export function parsePort(text: string | undefined, otherwise: number): number {
  if (text === undefined || text === "") return otherwise;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new Error(`PORT: expected a number from 0 to 65535, got ${JSON.stringify(text)}`);
  }
  return port;
}
