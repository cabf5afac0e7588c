/**
 * Stopping dead at a storage step.
 *
 * Spec: docs/STORAGE.md, "Steps". A crash test names one in PAUSE_AT; the process then stops dead
 * there and is killed. In service PAUSE_AT is not set and a step costs one comparison.
 */
import type { Deployment } from "./deployment.ts";
import type { StorageStep } from "./steps.ts";

/** What makes earlier writes durable; a Durable Object's storage. */
interface Syncable {
  sync(): Promise<void>;
}

const PAUSE_MS = 60_000;

/**
 * Marks `step` as done. Where the deployment pauses at it, the writes before it are made durable,
 * the pause is logged and the caller never continues.
 */
export async function reached(
  step: StorageStep,
  deployment: Deployment,
  storage?: Syncable,
): Promise<void> {
  if (deployment.pauseAt !== step) return;
  await storage?.sync();
  console.log(`paused at ${step}`);
  // Pending timers, not a promise without an owner: the runtime would take that for a hang and end
  // it.
  for (;;) await scheduler.wait(PAUSE_MS);
}
