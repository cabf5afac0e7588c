/**
 * The options of a command: `--help` prints its usage, and what cannot be taken is said in a sentence.
 */
import { type ParseArgsConfig, parseArgs } from "node:util";

type Options = NonNullable<ParseArgsConfig["options"]>;
type Values<T extends Options> = ReturnType<typeof parseArgs<{ options: T }>>["values"];

/** What the command line gives. Ends the process with 0 after `--help`, with 2 on a bad option. */
export function readOptions<T extends Options>(usage: string, options: T): Values<T> {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: "boolean" } } });
    if (!("help" in values)) return parseArgs({ options }).values;
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

/** Ends the process with 2 and a sentence. */
export function refuse(message: string): never {
  console.error(`${message}\nTry --help.`);
  process.exit(2);
}
