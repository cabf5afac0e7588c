/**
 * What a bench makes of its options: a choice, a list of sizes, or a sentence about what is wrong.
 */

/** The options cannot be taken; the message says which, and what is expected. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Whether `error` is the fault of whoever gave the options, that of the parser included. */
export function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  return error instanceof Error && String(Reflect.get(error, "code")).startsWith("ERR_PARSE_ARGS");
}

/** `text` if it is one of `choices` or not given. @throws UsageError. */
export function choice<T extends string>(
  name: string,
  text: string | undefined,
  choices: readonly T[],
): T | undefined {
  if (text === undefined) return undefined;
  const chosen = choices.find((one) => one === text);
  if (chosen !== undefined) return chosen;
  throw new UsageError(`--${name}: expected ${choices.join(" or ")}, got ${JSON.stringify(text)}`);
}

/** Whole numbers from `least` to `most`, separated by commas. @throws UsageError. */
export function sizes(name: string, text: string, least: number, most: number): number[] {
  const numbers = text.split(",").map(Number);
  if (numbers.every((n) => Number.isInteger(n) && n >= least && n <= most)) return numbers;
  throw new UsageError(
    `--${name}: expected numbers from ${least} to ${most}, separated by commas, ` +
      `got ${JSON.stringify(text)}`,
  );
}
