/**
 * Whether an HSM's rows are as it wrote them: they are all looked at before the first answer, and what is
 * found then or later stays found, is told to `Region`, and refuses all that follows.
 *
 * Spec: docs/STORAGE.md, "Rows are authenticated".
 */
import type { Refusal } from "../../cluster/refusal.ts";
import { type Result, refuseWith } from "../contracts/result.ts";
import type { Deployment } from "../platform/deployment.ts";
import { refusalsOf } from "../platform/fault-response.ts";
import { log, reasonOf } from "../platform/log.ts";
import { hasAttempts } from "./attempts.ts";
import type { HsmRows } from "./row-macs.ts";
import { MEMORY_CHANGED } from "./storage-key.ts";
import { verifyBesideRecords, verifyRecords } from "./tables.ts";

export const HSM_BLANK = "hsm_blank";

/** Whether an operation reads records before it has compared all of them with their sum itself. */
type RecordsOf = "read" | "unread";

/** What was found when all rows were looked at. */
interface Look {
  readonly refusal: Refusal | null;
}

export class Fitness {
  readonly #rows: HsmRows;
  readonly #deployment: Deployment;
  readonly #name: string;
  /** Whether all rows have been looked at, and what was found then or later. */
  #look: Look | null = null;
  /** Whether `Region` has heard that the memory was changed. */
  #isNoted = false;

  /** @param name - of the HSM's object: `account/region/hsmId`. */
  constructor(rows: HsmRows, deployment: Deployment, name: string) {
    this.#rows = rows;
    this.#deployment = deployment;
    this.#name = name;
  }

  /** The rows are others now, all of them. */
  forget(): void {
    this.#look = null;
  }

  /**
   * Runs `f` over rows that have all been looked at. An HSM that finds its memory changed, then or by
   * a row that `f` reads, leaves service before it says so, and does nothing more.
   */
  async answer<T>(f: () => Promise<T> | T, records: RecordsOf = "read"): Promise<Result<T>> {
    const { refusal } = this.#look ?? (await this.#lookAt(records));
    const result = refusal === null ? await refusalsOf(f) : refuseWith(refusal);
    if (!result.ok && result.refusal.code === MEMORY_CHANGED) {
      this.#look = { refusal: result.refusal };
      await this.#leaveService("changed");
    } else if (!result.ok && result.refusal.code === HSM_BLANK) {
      await this.#leaveService("blank"); // Its database may be lost: the region knows whether it was made.
    }
    return result;
  }

  /** Rows that are looked at: all of them, but for records that stay unread. */
  async #lookAt(records: RecordsOf): Promise<Look> {
    let isWhole = false;
    const looked = await refusalsOf(() => {
      const generation = verifyBesideRecords(this.#rows);
      // Counts of wrong passwords enter the records before those are walked.
      isWhole = records === "read" || hasAttempts(this.#rows);
      if (!isWhole) return;
      // Not first met by a write: then the platform ends the object, and its answer is lost.
      this.#rows.sql.verifyPages();
      verifyRecords(this.#rows, generation);
    });
    const look = { refusal: looked.ok ? null : looked.refusal };
    if (isWhole || !looked.ok) this.#look = look;
    return look;
  }

  /** For good: nothing fills it again. `Region` is told with every call until it has heard. */
  async #leaveService(why: "changed" | "blank"): Promise<void> {
    if (this.#isNoted) return;
    const [account = "", region = "", hsmId = ""] = this.#name.split("/");
    try {
      const noted = await this.#deployment.region(account, region).noteUnfit(hsmId, why);
      this.#isNoted = noted.ok && why === "changed";
    } catch (error) {
      log("alarm", "hsm_unfit_not_noted", { hsmId, why, reason: reasonOf(error) });
    }
  }
}
