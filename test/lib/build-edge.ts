import { execFileSync } from "node:child_process";

/** Builds what `wrangler deploy` would upload: module and pages by wrangler.toml's [build], then the worker bundle. */
export default function setup(): void {
  if (process.env["HOLDFAST_PREBUILT"]) return;
  try {
    execFileSync(
      process.execPath,
      ["node_modules/wrangler/bin/wrangler.js", "deploy", "--dry-run", "--outdir", "build/worker"],
      { stdio: "pipe", env: { ...process.env, NODE_ENV: "production" } },
    );
  } catch (error) {
    const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer };
    throw new Error(`build failed\n${stdout}\n${stderr}`);
  }
}
