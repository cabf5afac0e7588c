/**
 * The options of a command: `--help` prints its usage, and what
 * cannot be taken is said in a sentence.
 */
import { type ParseArgsConfig, parseArgs } from "node:util";

type Options = NonNullable<ParseArgsConfig["options"]>;
type Values<T extends Options> = ReturnType<typeof parseArgs<{ options: T }>>["values"];

/** What the command line gives. Ends the process with 0 after `--help`, with 2 on a bad option. */
export function readOptions<T extends Options>(
  usage: string,
  options: T,
  args: readonly string[] = process.argv.slice(2),
): Values<T> {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { ...options, help: { type: "boolean" } },
    });
    if (!("help" in values)) return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    // The parser throws nothing but what is wrong with the command line.
    return refuse(error instanceof Error ? error.message : String(error));
  }
  console.log(usage);
  return process.exit(0);
}

/** `text` of the option `name`, 0 to 2^53 − 1. Anything else ends the process with 2. */
export function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (text !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  return refuse(`--${name}: expected a whole number, got ${JSON.stringify(text)}`);
}

/**
 * `text` of the option `name`, one of `choices`; undefined if it was not given. Else ends with 2.
 */
export function choice<T extends string>(
  name: string,
  text: string | undefined,
  choices: readonly T[],
): T | undefined {
  const chosen = choices.find((one) => one === text);
  if (text === undefined || chosen !== undefined) return chosen;
  return refuse(`--${name}: expected ${choices.join(" or ")}, got ${JSON.stringify(text)}`);
}

/** Whole numbers from `least` to `most`, by commas. Anything else ends the process with 2. */
export function sizes(name: string, text: string, least: number, most: number): number[] {
  const numbers = text.split(",").map(Number);
  if (numbers.every((n) => Number.isInteger(n) && n >= least && n <= most)) return numbers;
  return refuse(
    `--${name}: expected numbers from ${least} to ${most}, separated by commas, ` +
      `got ${JSON.stringify(text)}`,
  );
}

/** Ends the process with 2 and a sentence. */
export function refuse(message: string): never {
  console.error(`${message}\nTry --help.`);
  process.exit(2);
}
