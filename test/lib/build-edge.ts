import { build, isBuilt, verifyBuilt } from "../../scripts/edge/build.ts";
import { makeStatesFolder } from "./states-folder.ts";

const LOG = ".holdfast/logs/test-build.log";

/**
 * What `wrangler deploy` would upload, built unless nothing has changed, and its module verified; and a
 * place for the states that this run's edges begin from.
 *
 * @returns what clears up after the run.
 */
export default async function setup(): Promise<() => void> {
  if (isBuilt()) await verifyBuilt();
  else await build(LOG);
  return makeStatesFolder();
}
