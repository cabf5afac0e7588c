/**
 * What `npm start` says at its end: what there is to open, and with what.
 *
 * Paths are whole, and files for a browser are addresses: to be clicked or pasted from anywhere.
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Entry, entryLines, linked, wrapped } from "../terminal/columns.ts";
import type { Sample } from "./sample.ts";

const RESTORE_FILE = "dist/restore/restore.html";

export interface Addresses {
  /** Origin of the edge. */
  readonly url: string;
  /** Null where the story has left none. */
  readonly sample: Sample | null;
  /** Path of the recovery kit. */
  readonly kit: string;
  /** Who may log in inside the sample's backup; null where that is not known. */
  readonly userName: string | null;
}

/** How a terminal shows things; plain text where it shows nothing. */
export interface Look {
  readonly width: number;
  readonly hasLinks: boolean;
  bold(text: string): string;
  dim(text: string): string;
}

/** Lines within `look.width`, but for names that are longer. */
export function addressLines({ url, sample, kit, userName }: Addresses, look: Look): string[] {
  const list = (entries: readonly Entry[]): string[] =>
    entryLines(entries, look.width, ({ name, says }) => ({
      name: look.hasLinks ? linked(addressOf(name), name) : name,
      says: look.dim(says),
    }));
  const heading = (text: string): string[] => ["", wrapped(`  ${look.bold(text)}`, look.width)];
  return [
    ...heading("Open in a browser"),
    ...list([
      { name: `${url}/`, says: "the start page" },
      { name: `${url}/restore`, says: "the restore tool: opens backups, needs no network" },
      { name: pathToFileURL(RESTORE_FILE).href, says: "the same tool as one file from disk" },
      { name: `${url}/v1/openapi.json`, says: "the REST surface" },
    ]),
    ...(sample === null
      ? []
      : [
          ...heading("Give the restore tool these two files"),
          ...list([
            { name: resolve(sample.backup), says: "the backup of the story" },
            { name: resolve(kit), says: "the recovery kit" },
          ]),
          ...heading(`Log in inside it${userName === null ? "" : ` as ${userName}`}`),
          ...list([{ name: resolve(sample.passwords), says: "the users and their passwords" }]),
        ]),
    ...heading("AWS tools, in another terminal, in this folder"),
    '    eval "$(npm run -s aws-env)"',
    "    aws cloudhsmv2 describe-backups",
  ];
}

function addressOf(name: string): string {
  return name.includes("://") ? name : pathToFileURL(name).href;
}
