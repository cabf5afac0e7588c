/**
 * Progress on a terminal: one line per step, with a spinner while it runs and its time when done.
 *
 * Where the output is a file or a pipe there is no spinner, and a plain line per finished step.
 * Lines are broken between words at the terminal's width, at 80 columns where there is none.
 */
import { wrapped } from "./columns.ts";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 90;
const SLOW_MS = 100;
const DEFAULT_COLUMNS = 80;
/** What stands before the title of a step: two spaces, a mark, a space. */
const MARK_COLUMNS = 4;

const terminal = process.stdout.isTTY === true;
const coloured = terminal && process.env["NO_COLOR"] === undefined;

function paint(code: number, text: string): string {
  return coloured ? `\u001b[${code}m${text}\u001b[0m` : text;
}

export const bold = (text: string): string => paint(1, text);
export const dim = (text: string): string => paint(2, text);
const green = (text: string): string => paint(32, text);
export const yellow = (text: string): string => paint(33, text);
export const red = (text: string): string => paint(31, text);

/** Whether colours and links are shown. */
export const isRich: boolean = coloured;

/** Columns of the terminal, as it is now. */
export function columns(): number {
  return process.stdout.columns || DEFAULT_COLUMNS;
}

export function say(text = ""): void {
  process.stdout.write(`${wrapped(text, columns())}\n`);
}

/** `text` in so many columns: a line that a spinner rewrites must not go on in the next. */
function cut(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}…`;
}

/** Tells what a running step has found; shown behind its title. */
export type Note = (text: string) => void;

/** Runs `work` as one visible step. A failure is marked and thrown on. */
export async function step<T>(title: string, work: (note: Note) => Promise<T> | T): Promise<T> {
  const startedAt = performance.now();
  let noted = "";
  let frame = 0;
  const draw = () => {
    frame = (frame + 1) % FRAMES.length;
    const room = columns() - MARK_COLUMNS - 1;
    const shown = cut(title, room);
    const rest = cut(noted, room - shown.length);
    process.stdout.write(`\r\u001b[K  ${FRAMES[frame]} ${shown} ${dim(rest)}`);
  };
  const timer = terminal ? setInterval(draw, FRAME_MS) : undefined;
  const finish = (mark: string) => {
    clearInterval(timer);
    const tookMs = performance.now() - startedAt;
    const took = tookMs < SLOW_MS ? "" : `${(tookMs / 1000).toFixed(1)} s`;
    const tail = [noted, took].filter((part) => part !== "").join(" · ");
    const line = `  ${mark} ${title}`;
    // What was noted goes below as a whole rather than in two parts.
    const fits = MARK_COLUMNS + title.length + 1 + tail.length <= columns();
    const text = tail === "" ? line : fits ? `${line} ${dim(tail)}` : `${line}\n    ${dim(tail)}`;
    process.stdout.write(`${terminal ? "\r\u001b[K" : ""}${wrapped(text, columns(), 2)}\n`);
  };
  try {
    const result = await work((text) => {
      noted = text;
    });
    finish(green("✓"));
    return result;
  } catch (error) {
    finish(red("✗"));
    throw error;
  }
}
