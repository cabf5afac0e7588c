/**
 * The list of regions in use, for the cron trigger that looks after their alarms.
 *
 * An alarm that fails too often is dropped by the platform without a word; the watchdog notices.
 */
import { DurableObject } from "cloudflare:workers";
import type { RegistryObject } from "./contracts/durable-objects.ts";
import type { Place } from "./contracts/place.ts";
import type { Env } from "./platform/deployment.ts";

export class Registry extends DurableObject<Env> implements RegistryObject {
  readonly #sql: SqlStorage;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    this.#sql = state.storage.sql;
    this.#sql.exec(
      `CREATE TABLE IF NOT EXISTS regions (
        account TEXT NOT NULL, region TEXT NOT NULL, PRIMARY KEY (account, region)) WITHOUT ROWID`,
    );
  }

  /** Known before the region has its first due task. Harmless when repeated. */
  async register(place: Place): Promise<void> {
    this.#sql.exec(
      "INSERT INTO regions VALUES (?, ?) ON CONFLICT DO NOTHING",
      place.account,
      place.region,
    );
  }

  async regions(): Promise<Place[]> {
    return this.#sql
      .exec<{ account: string; region: string }>("SELECT account, region FROM regions")
      .toArray();
  }
}
