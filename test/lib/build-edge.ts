import { build, isBuilt } from "../../scripts/edge/build.ts";

const LOG = ".holdfast/logs/test-build.log";

/** Builds what `wrangler deploy` would upload, unless nothing has changed since. */
export default async function setup(): Promise<void> {
  if (!isBuilt()) await build(LOG);
}
