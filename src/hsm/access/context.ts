/**
 * What every operation of an HSM works on: its memory, its primitives, its sessions and counts of
 * attempts, and the platform.
 *
 * Passed in once, so fixed inputs give fixed results. Nothing here does anything.
 */
import type { Core } from "../../crypto/core.ts";
import type { Clock, RandomBytes, Subtle } from "../../crypto/web-crypto.ts";
import type { HsmStore } from "../memory/store.ts";
import type { HsmType } from "../rules/limits.ts";
import type { AttemptStore } from "./attempts.ts";
import type { PasswordCost } from "./passwords.ts";
import type { SessionStore } from "./session-store.ts";
import type { FairTurns } from "./turns.ts";

export interface HsmContext {
  readonly store: HsmStore;
  readonly sessions: SessionStore;
  readonly attempts: AttemptStore;
  readonly core: Core;
  readonly subtle: Subtle;
  readonly random: RandomBytes;
  readonly now: Clock;
  readonly passwordCost: PasswordCost;
  readonly turns: FairTurns;
  /** Whether records may be written now; an operation that must write one is refused if not. */
  readonly takesChanges: () => boolean;
  /** Type of the hardware, where it may differ from what the configuration says; null if not. */
  readonly hardwareType: HsmType | null;
}
