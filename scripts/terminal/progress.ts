/**
 * Progress on a terminal: one line per step, with a spinner while it runs and its time when done.
 *
 * Where the output is a file or a pipe there is no spinner: one plain line per finished step.
 */
const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 90;
const SLOW_MS = 100;

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

export function say(text = ""): void {
  process.stdout.write(`${text}\n`);
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
    process.stdout.write(`\r\u001b[K  ${FRAMES[frame]} ${title} ${dim(noted)}`);
  };
  const timer = terminal ? setInterval(draw, FRAME_MS) : undefined;
  const finish = (mark: string) => {
    clearInterval(timer);
    const tookMs = performance.now() - startedAt;
    const took = tookMs < SLOW_MS ? "" : `${(tookMs / 1000).toFixed(1)} s`;
    const tail = [noted, took].filter((part) => part !== "").join(" · ");
    process.stdout.write(`${terminal ? "\r\u001b[K" : ""}  ${mark} ${title} ${dim(tail)}\n`);
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
