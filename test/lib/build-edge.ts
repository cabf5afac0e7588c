import { build, isBuilt, verifyBuilt } from "../../scripts/edge/build.ts";

const LOG = ".holdfast/logs/test-build.log";

/** What `wrangler deploy` would upload, built unless nothing has changed, and its module verified. */
export default async function setup(): Promise<void> {
  if (isBuilt()) await verifyBuilt();
  else await build(LOG);
}
