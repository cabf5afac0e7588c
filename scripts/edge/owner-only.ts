/**
 * Files that their owner alone may read: state and logs of an edge, secrets, the sample.
 */
import { chmodSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

export const OWNER_ONLY = { file: 0o600, folder: 0o700 } as const;

const OTHERS = 0o077;

/**
 * From here on this process, and each that it starts, makes nothing that others may read. Miniflare
 * and workerd choose no modes of their own, so that holds for databases and objects too.
 */
export function keepToOwner(): void {
  process.umask(OTHERS);
}

/** Takes from others what they may do with `path` and all below it. Links are left alone. */
export function closeToOthers(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  // A database's log may go while its folder is read: an edge may be running.
  if (stats === undefined || stats.isSymbolicLink()) return;
  if ((stats.mode & OTHERS) !== 0) chmodSync(path, stats.mode & ~OTHERS & 0o7777);
  if (stats.isDirectory()) for (const name of readdirSync(path)) closeToOthers(join(path, name));
}
