/**
 * Which recovery keys have been proven: a challenge made for one was answered, so its private half
 * was in somebody's hands.
 *
 * Spec: FORMAT.md §7.5; docs/STORAGE.md §2. Of each key the newest challenge counts.
 */
import type { ChallengeNote, RecoveryProof } from "../contracts/region-api.ts";
import { type Result, refusal, success } from "../contracts/result.ts";
import { answerDigest } from "../platform/answer-digest.ts";
import type { SchemaStep } from "../platform/schema.ts";

export const RECOVERY_TABLES: SchemaStep = [
  `CREATE TABLE recoveryKeys (
    keyId TEXT PRIMARY KEY, challengeId TEXT NOT NULL, answerDigest TEXT NOT NULL,
    provenAtMs INTEGER) WITHOUT ROWID`,
];

type KeyRow = {
  keyId: string;
  challengeId: string;
  /** "" once it was answered. */
  answerDigest: string;
  provenAtMs: number | null;
};

export class RecoveryProofs {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** A proof stays: that a key was there once does not end with a new challenge. */
  noteChallenge({ keyId, challengeId, answerDigest: digest }: ChallengeNote): void {
    this.#sql.exec(
      `INSERT INTO recoveryKeys (keyId, challengeId, answerDigest) VALUES (?, ?, ?)
       ON CONFLICT (keyId) DO UPDATE
       SET challengeId = excluded.challengeId, answerDigest = excluded.answerDigest`,
      keyId,
      challengeId,
      digest,
    );
  }

  async prove(
    keyId: string,
    challengeId: string,
    answer: string,
    nowMs: number,
  ): Promise<Result<RecoveryProof>> {
    const given = await answerDigest(challengeId, answer);
    const row = this.#row(keyId);
    if (row === null || row.challengeId !== challengeId || row.answerDigest === "") {
      const message =
        "There is no such challenge that waits for an answer: a newer one was made, or it was " +
        "answered. Make a new one.";
      return refusal("conflict", "challenge_absent", message);
    }
    if (row.answerDigest !== given) {
      const message = `This is not the answer to the challenge for recovery key '${keyId}'.`;
      return refusal("invalid", "answer_wrong", message);
    }
    this.#sql.exec(
      "UPDATE recoveryKeys SET answerDigest = '', provenAtMs = ? WHERE keyId = ?",
      nowMs,
      keyId,
    );
    return success({ keyId, provenAtMs: nowMs });
  }

  /** Those that were proven. */
  all(): RecoveryProof[] {
    const rows = this.#sql.exec<KeyRow>("SELECT * FROM recoveryKeys").toArray();
    return rows.flatMap(({ keyId, provenAtMs }) =>
      provenAtMs === null ? [] : [{ keyId, provenAtMs }],
    );
  }

  isProven(keyId: string): boolean {
    return (this.#row(keyId)?.provenAtMs ?? null) !== null;
  }

  #row(keyId: string): KeyRow | null {
    const query = "SELECT * FROM recoveryKeys WHERE keyId = ?";
    return this.#sql.exec<KeyRow>(query, keyId).toArray()[0] ?? null;
  }
}
