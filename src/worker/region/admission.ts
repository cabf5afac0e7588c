/**
 * Requests that act once: the signatures that were used while they still hold, and the first answers
 * under the keys by which clients repeat a request.
 *
 * Spec: docs/API.md, "Repeating"; docs/STORAGE.md §1. All in the turn in which it is asked: the answer
 * leaves when the rows are durable, so that neither a kill nor another leader forgets them.
 */
import { decodeHex } from "../../crypto/base-encodings.ts";
import type { Admission, RequestOrder, RequestOutcome } from "../contracts/region-api.ts";
import { type Result, refusal, refuseWith, success } from "../contracts/result.ts";
import type { SchemaStep } from "../platform/schema.ts";

/** Requests of one access key whose signatures still hold. */
const MAX_HELD_SIGNATURES = 20_000;
/** Keys of one access key that are known: a day of one change every two seconds. */
const MAX_KEYS = 50_000;
/** Newest answers of one access key that are kept; of older ones it is known that they were given. */
const MAX_ANSWERS = 1_000;
/** Longest answer that is kept, in characters. */
const MAX_ANSWER_CHARACTERS = 16 * 1024;
const ANSWER_LIFE_MS = 24 * 3_600_000;

export const REQUEST_TABLES: SchemaStep = [
  `CREATE TABLE requests (
    signature BLOB PRIMARY KEY, accessKeyId TEXT NOT NULL, expiresAtMs INTEGER NOT NULL)
    WITHOUT ROWID`,
  "CREATE INDEX requestsByEnd ON requests (expiresAtMs)",
  "CREATE INDEX requestsByKey ON requests (accessKeyId, expiresAtMs)",
  `CREATE TABLE answers (
    accessKeyId TEXT NOT NULL, key TEXT NOT NULL, requestHash TEXT NOT NULL, state TEXT NOT NULL,
    status INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL DEFAULT '', expiresAtMs INTEGER NOT NULL,
    PRIMARY KEY (accessKeyId, key)) WITHOUT ROWID`,
  "CREATE INDEX answersByEnd ON answers (expiresAtMs)",
];

/** `open`: begun, and nothing is known of its end. `spent`: done, with an answer that is not kept. */
type AnswerState = "open" | "done" | "spent";

type AnswerRow = {
  requestMac: string;
  state: AnswerState;
  status: number;
  body: string;
};

export class RequestLedger {
  readonly #sql: SqlStorage;
  /** Of each access key, how many rows are its own; counted at the first request. */
  readonly #requests: Holdings;
  readonly #answers: Holdings;

  /** @param sql - of a region whose tables have been brought to today's version. */
  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#requests = new Holdings(sql, "requests");
    this.#answers = new Holdings(sql, "answers");
  }

  /** Whether a request may act; if it is repeated under its key, the first answer instead. */
  admit(order: RequestOrder, nowMs: number): Result<Admission> {
    this.#forget(nowMs);
    const { accessKeyId, repetition } = order;
    const signature = decodeHex(order.signature) ?? new Uint8Array();
    const known = this.#sql.exec("SELECT 1 FROM requests WHERE signature = ?", signature);
    if (known.toArray().length > 0) return replayed();
    if (this.#requests.of(accessKeyId) >= MAX_HELD_SIGNATURES)
      return this.#quotaRefusal(accessKeyId, nowMs);
    this.#sql.exec(
      "INSERT INTO requests VALUES (?, ?, ?)",
      signature,
      accessKeyId,
      order.expiresAtMs,
    );
    this.#requests.add(accessKeyId, 1);
    return repetition === null
      ? success({ kind: "first" })
      : this.#admitKey(accessKeyId, repetition, nowMs);
  }

  /** What became of a request that was admitted under a key. */
  settle(accessKeyId: string, key: string, outcome: RequestOutcome): void {
    if (outcome === "in_doubt") return;
    if (outcome === "refused") {
      this.#answers.remove("accessKeyId = ? AND key = ? AND state = 'open'", accessKeyId, key);
      return;
    }
    const isKept = outcome !== "secret" && outcome.body.length <= MAX_ANSWER_CHARACTERS;
    this.#sql.exec(
      `UPDATE answers SET state = ?, status = ?, body = ?
        WHERE accessKeyId = ? AND key = ? AND state = 'open'`,
      isKept ? "done" : "spent",
      isKept ? outcome.status : 0,
      isKept ? outcome.body : "",
      accessKeyId,
      key,
    );
  }

  #admitKey(
    accessKeyId: string,
    { key, requestMac }: NonNullable<RequestOrder["repetition"]>,
    nowMs: number,
  ): Result<Admission> {
    const [row] = this.#sql
      .exec<AnswerRow>(
        "SELECT requestMac, state, status, body FROM answers WHERE accessKeyId = ? AND key = ?",
        accessKeyId,
        key,
      )
      .toArray();
    if (row !== undefined) return repeated(row, requestMac);
    if (this.#answers.of(accessKeyId) >= MAX_KEYS) return keysRefusal();
    this.#makeRoom(accessKeyId);
    this.#sql.exec(
      `INSERT INTO answers (accessKeyId, key, requestMac, state, expiresAtMs)
        VALUES (?, ?, ?, 'open', ?)`,
      accessKeyId,
      key,
      requestMac,
      nowMs + ANSWER_LIFE_MS,
    );
    this.#answers.add(accessKeyId, 1);
    return success({ kind: "first" });
  }

  /** Lets the oldest answer of an access key go when it holds as many as it may; its key stays known. */
  #makeRoom(accessKeyId: string): void {
    if (this.#answers.of(accessKeyId) < MAX_ANSWERS) return;
    this.#sql.exec(
      `UPDATE answers SET state = 'spent', status = 0, body = '' WHERE accessKeyId = ?1 AND key IN (
        SELECT key FROM answers WHERE accessKeyId = ?1 AND state = 'done'
          ORDER BY expiresAtMs DESC LIMIT -1 OFFSET ?2)`,
      accessKeyId,
      MAX_ANSWERS - 1,
    );
  }

  /** Removes what has run out. */
  #forget(nowMs: number): void {
    this.#requests.remove("expiresAtMs < ?", nowMs);
    this.#answers.remove("expiresAtMs < ?", nowMs);
  }

  #quotaRefusal(accessKeyId: string, nowMs: number): Result<never> {
    const [first] = this.#sql
      .exec<{ expiresAtMs: number }>(
        "SELECT expiresAtMs FROM requests WHERE accessKeyId = ? ORDER BY expiresAtMs LIMIT 1",
        accessKeyId,
      )
      .toArray();
    const waitMs = Math.max(1_000, (first?.expiresAtMs ?? nowMs) - nowMs);
    return refuseWith({
      kind: "busy",
      code: "request_quota",
      message:
        `This access key has made ${MAX_HELD_SIGNATURES} changing requests whose signatures still ` +
        "hold. Other access keys are not held up.",
      retryAfterS: Math.ceil(waitMs / 1_000),
    });
  }
}

/** How many rows of a table each access key holds: kept beside the table, as counting walks it. */
class Holdings {
  readonly #sql: SqlStorage;
  readonly #table: "requests" | "answers";
  /** Null until they are asked for. */
  #counts: Map<string, number> | null = null;

  constructor(sql: SqlStorage, table: "requests" | "answers") {
    this.#sql = sql;
    this.#table = table;
  }

  of(accessKeyId: string): number {
    return this.#now().get(accessKeyId) ?? 0;
  }

  add(accessKeyId: string, by: number): void {
    this.#now().set(accessKeyId, this.of(accessKeyId) + by);
  }

  /** Removes rows. @param where - the condition, in SQL. */
  remove(where: string, ...bindings: (string | number)[]): void {
    this.#now();
    const gone = this.#sql.exec<{ accessKeyId: string }>(
      `DELETE FROM ${this.#table} WHERE ${where} RETURNING accessKeyId`,
      ...bindings,
    );
    for (const { accessKeyId } of gone) this.add(accessKeyId, -1);
  }

  #now(): Map<string, number> {
    if (this.#counts === null) {
      const rows = this.#sql
        .exec<{ accessKeyId: string; n: number }>(
          `SELECT accessKeyId, count(*) AS n FROM ${this.#table} GROUP BY accessKeyId`,
        )
        .toArray();
      this.#counts = new Map(rows.map(({ accessKeyId, n }) => [accessKeyId, n]));
    }
    return this.#counts;
  }
}

function keysRefusal(): Result<never> {
  return refuseWith({
    kind: "busy",
    code: "request_quota",
    message:
      `This access key has used ${MAX_KEYS} idempotency-keys within a day. Send requests without one. ` +
      "Other access keys are not held up.",
    retryAfterS: 3_600,
  });
}

function replayed(): Result<never> {
  return refusal(
    "conflict",
    "request_replayed",
    "A request with this very signature has acted, or tried to. Nothing was done now. To do it again, " +
      "sign it anew: in another second, or with another idempotency-key.",
  );
}

function repeated(row: AnswerRow, requestMac: string): Result<Admission> {
  if (row.requestMac !== requestMac) {
    return refusal(
      "conflict",
      "idempotency_key_reused",
      "This idempotency-key belongs to another request. Nothing was done.",
    );
  }
  switch (row.state) {
    case "done":
      return success({ kind: "repeated", status: row.status, body: row.body });
    case "spent":
      return refusal(
        "conflict",
        "idempotency_key_spent",
        "The first request with this idempotency-key was carried out; its answer is not kept, since it " +
          "holds a secret or is long.",
      );
    case "open":
      return refusal(
        "conflict",
        "idempotency_key_open",
        "The first request with this idempotency-key has not been answered: it may go on, or may have " +
          "been carried out. Look before you send it under another key.",
      );
  }
}
