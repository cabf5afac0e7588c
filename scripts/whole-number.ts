/**
 * Whole numbers from a command line.
 */

/** `text` of the option `name`, 0 to 2^53 − 1. Anything else ends the process with a sentence and 2. */
export function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (text !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name}: expected a whole number, got ${JSON.stringify(text)}`);
  process.exit(2);
}
