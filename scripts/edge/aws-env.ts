/**
 * Prints the lines that point a shell's AWS tools at this edge: `eval "$(npm run -s aws-env)"`.
 *
 * Nothing else goes to standard output, so that the lines can be evaluated.
 */
import { existsSync, readFileSync } from "node:fs";
import type { DevelopmentAccessKey } from "./dev-secrets.ts";
import { DEV_VARS_FILE, readDevVars } from "./dev-vars.ts";
import { DEFAULT_PORT, parsePort } from "./port.ts";
import { EDGE_FILE } from "./process.ts";

const REGION = "us-east-1";
const USAGE = `usage: npm run -s aws-env [-- --role owner|operator|auditor] [--region ${REGION}]`;

/** The value behind `--name`, or `otherwise`. */
function option(name: string, otherwise: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? otherwise : (process.argv[at + 1] ?? otherwise);
}

function endpoint(): string {
  if (process.env["PORT"])
    return `http://127.0.0.1:${parsePort(process.env["PORT"], DEFAULT_PORT)}`;
  if (!existsSync(EDGE_FILE)) return `http://127.0.0.1:${DEFAULT_PORT}`;
  return (JSON.parse(readFileSync(EDGE_FILE, "utf8")) as { url: string }).url;
}

function main(): number {
  if (process.argv.includes("--help")) {
    console.log(USAGE);
    return 0;
  }
  const accessKeys = readDevVars()?.["ACCESS_KEYS"];
  if (accessKeys === undefined) {
    console.error(`There are no access keys yet (no ${DEV_VARS_FILE}): run \`npm start\` first.`);
    return 1;
  }
  const role = option("role", "owner");
  const key = (JSON.parse(accessKeys) as DevelopmentAccessKey[]).find((one) => one.role === role);
  if (key === undefined) {
    console.error(`There is no access key with the role ${JSON.stringify(role)}.\n${USAGE}`);
    return 1;
  }
  const region = option("region", REGION);
  const lines = {
    AWS_ACCESS_KEY_ID: key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ENDPOINT_URL_CLOUDHSM_V2: endpoint(),
  };
  console.log("unset AWS_SESSION_TOKEN AWS_PROFILE");
  for (const [name, value] of Object.entries(lines)) console.log(`export ${name}='${value}'`);
  return 0;
}

process.exitCode = main();
