/**
 * `npm run -s answer -- CHALLENGE KIT`: opens a challenge with a recovery kit and prints the answer.
 *
 * Needs no network and no service. KIT.md §5; FORMAT.md §7.5.
 */
import { readFileSync } from "node:fs";
import { parseChallenge } from "../../src/backup/kit/challenge.ts";
import { KitError } from "../../src/backup/kit/errors.ts";
import { parseKit } from "../../src/backup/kit/kit.ts";
import { answerChallenge, ChallengeError } from "../../src/backup/seal/recovery-challenge.ts";
import { Core } from "../../src/crypto/core.ts";
import { compileCore } from "../core/module.ts";

const USAGE = `Shows that you hold a recovery key, without giving it away.

  npm run -s answer -- CHALLENGE KIT

  CHALLENGE  the JSON that POST /v1/recovery-keys/{keyId}/challenges answered
  KIT        a recovery kit with the private half of that key

Prints the answer, 32 hex digits, for POST /v1/recovery-keys/{keyId}/proofs. Opens no backup.
`;

/** 32 hex digits. @throws KitError, ChallengeError. */
export async function answerTo(challengeText: string, kitText: string): Promise<string> {
  using core = new Core(await compileCore());
  using kit = parseKit(kitText);
  const platform = { core, subtle: crypto.subtle };
  return await answerChallenge(platform, kit.recoveryKeys, parseChallenge(challengeText));
}

async function main([challenge, kit, ...more]: readonly string[]): Promise<number> {
  if (challenge === "--help" || challenge === undefined || kit === undefined || more.length > 0) {
    process.stdout.write(USAGE);
    return challenge === "--help" ? 0 : 2;
  }
  try {
    const answer = await answerTo(readFileSync(challenge, "utf8"), readFileSync(kit, "utf8"));
    process.stdout.write(`${answer}\n`);
    return 0;
  } catch (error) {
    const isTold = error instanceof KitError || error instanceof ChallengeError;
    const isOfFile = error instanceof Error && "code" in error && "path" in error;
    if (!isTold && !isOfFile) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

if (import.meta.filename === process.argv[1]) process.exitCode = await main(process.argv.slice(2));
