/**
 * The codes by which the edge refuses: those that its sources have, and those that docs/REFUSALS.md lists.
 *
 * Reads the sources as text; what a code is answered with is asked of the code that answers.
 */
import { readFileSync } from "node:fs";
import { BackupError, type BackupFault } from "../../src/backup/format/errors.ts";
import type { Refusal } from "../../src/cluster/refusal.ts";
import { HsmError, type HsmFault } from "../../src/hsm/rules/errors.ts";
import { SIGNATURE_CODES } from "../../src/worker/access/denied.ts";
import { refusalsOf } from "../../src/worker/platform/fault-response.ts";
import { statusOf } from "../../src/worker/rest/answers.ts";
import { sourceFiles } from "./source-tree.ts";

/** A refusal as far as a code's answer depends on it. */
type Answered = Pick<Refusal, "kind" | "code">;

interface Found {
  readonly made: Answered[];
  /** Kind and expression where the code is no word of the source. */
  readonly passedOn: string[];
}

const KIND = '"(invalid|not_found|denied|limit|conflict|busy|unavailable)"';
const MADE = new RegExp(`(?:\\brefusal\\(\\s*|\\bkind: )${KIND},\\s*(?:code: )?("?[\\w.]+"?)`, "g");
/** Functions that know the kind themselves. */
const HELPERS = { invalid: "invalid", addressRefused: "invalid", denied: "denied" } as const;

/** Refusals that sources make with a code of their own, and what makes one of another's. */
export function refusalsIn(sources: readonly string[]): Found {
  const texts = sources.map((text) => text.replaceAll(/^\s*(\/\*[\s\S]*?\*\/|\/\/.*)/gm, ""));
  const constants = new Map(
    texts.flatMap((text) =>
      [...text.matchAll(/\bconst ([A-Z_]+) = "(\w+)"/g)].map(([, name, value]) => [name, value]),
    ),
  );
  const made: Answered[] = [];
  const passedOn: string[] = [];
  const note = (kind: string, code: string) => {
    const literal = code.startsWith('"') ? code.slice(1, -1) : constants.get(code);
    if (literal === undefined) passedOn.push(`${kind}: ${code}`);
    else made.push({ kind: kind as Refusal["kind"], code: literal });
  };
  for (const text of texts) {
    for (const [, kind = "", code = ""] of text.matchAll(MADE)) note(kind, code);
    for (const [, helper, code = ""] of text.matchAll(
      /(?<!function )\b(invalid|addressRefused|denied)\(\s*("\w+")/g,
    )) {
      note(HELPERS[helper as keyof typeof HELPERS], code);
    }
  }
  return { made, passedOn: passedOn.sort() };
}

/** Codes of a union of faults, as its type has them. */
function faultCodes(path: string): string[] {
  const codes = readFileSync(path, "utf8").matchAll(/readonly code: "(\w+)"/g);
  return [...codes].flatMap(([, code]) => code ?? []);
}

async function refusalOf(error: Error): Promise<Answered> {
  const result = await refusalsOf(() => {
    throw error;
  });
  if (result.ok) throw new Error("unreachable: it threw");
  return result.refusal;
}

/** Refusals of the engine as the edge tells them; of a batch each has that of its item. */
async function engineRefusals(): Promise<Answered[]> {
  const rules = ["access-faults.ts", "object-faults.ts"].flatMap((name) =>
    faultCodes(`src/hsm/rules/${name}`),
  );
  const ofBackups = ["errors.ts", "key-faults.ts"].flatMap((name) =>
    faultCodes(`src/backup/format/${name}`),
  );
  const mismatches = ["cmk", "recovery", "mkbk", "akbk", "pbk"].map((which) => ({
    code: "key_mismatch",
    which,
    id: "",
  }));
  const faults = ofBackups.flatMap((code) =>
    code === "key_mismatch" ? mismatches : [{ code, which: "cmk" }],
  );
  return await Promise.all([
    ...rules.map((code) => refusalOf(new HsmError({ code } as HsmFault))),
    ...faults.map((fault) => refusalOf(new BackupError(fault as BackupFault))),
  ]);
}

/** All codes that the edge may answer with, or one of its parts another. */
export async function edgeRefusals() {
  const files = sourceFiles(["src/worker", "src/cluster"]).map(({ text }) => text);
  const { made, passedOn } = refusalsIn(files);
  const others: Answered[] = [{ kind: "invalid", code: "batch_item" }];
  return { refusals: [...made, ...(await engineRefusals()), ...others], passedOn };
}

export function restStatus(answered: Answered): number {
  if (answered.code === "body_too_large") return 413;
  return SIGNATURE_CODES.has(answered.code) ? 401 : statusOf({ ...answered, message: "" });
}

interface ListedRefusal {
  readonly code: string;
  /** Under /v1; null where the table does not say. */
  readonly status: string | null;
  /** On the AWS wire, without "Exception"; null where the table does not say. */
  readonly exception: string | null;
  readonly text: string;
}

/** The rows of all tables that begin with a column of codes. */
export function listedRefusals(document: string): ListedRefusal[] {
  const tables = document.split(/\n(?=\| code )/).slice(1);
  return tables.flatMap((table) => {
    const lines = table.slice(0, `${table}\n\n`.indexOf("\n\n")).split("\n");
    const [head = [], , ...rows] = lines.map((line) => line.split("|").map((cell) => cell.trim()));
    const cell = (cells: readonly string[], names: readonly string[]) =>
      cells[head.findIndex((name) => names.includes(name))] ?? null;
    return rows.map((cells) => ({
      code: cells[1]?.replaceAll("`", "") ?? "",
      status: cell(cells, ["status", "`/v1`"]),
      exception: cell(cells, ["AWS"]),
      text: cells.at(-2) ?? "",
    }));
  });
}
