import { build } from "../../scripts/edge/build.ts";

const LOG = ".holdfast/logs/test-build.log";

/** Builds what `wrangler deploy` would upload: module, pages and worker bundle. */
export default async function setup(): Promise<void> {
  if (process.env["HOLDFAST_PREBUILT"]) return;
  await build(LOG);
}
