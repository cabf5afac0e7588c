/**
 * The worker's entry: `POST /` is the AWS wire, `/v1` the REST surface, everything else a page.
 *
 * Cron looks after the regions' alarms. No state lives here: it is all in the Durable Objects.
 */
import { log, reasonOf } from "./platform/log.ts";
import "reflect-metadata";
import { Hono, type MiddlewareHandler } from "hono";
import { answerAwsRequest } from "./aws/wire.ts";
import { Hsm } from "./hsm/hsm.ts";
import { type SecretEnv, verifySecrets } from "./opening/secrets.ts";
import { within } from "./platform/deadline.ts";
import { type Deployment, deploymentOf } from "./platform/deployment.ts";
import { Reader } from "./reader.ts";
import { Region } from "./region/region.ts";
import { Registry } from "./registry.ts";
import { refusalResponse } from "./rest/answers.ts";
import { rest } from "./rest/surface.ts";

const app = new Hono<{
  Bindings: SecretEnv;
  Variables: { deployment: Deployment; requestId: string };
}>();

/** Environments whose secrets are in order. The keys themselves are for the objects. */
const verified = new WeakSet<SecretEnv>();

/** All of the environment, checked before anything of its first request is looked at. */
function checkedDeployment(env: SecretEnv): Deployment {
  if (!verified.has(env)) verifySecrets(env);
  verified.add(env);
  return deploymentOf(env);
}

/** What every answer of the two wires has; secrets are in some of them. */
const answerHeaders: MiddlewareHandler = async (c, next) => {
  await next();
  // A client whose clock is wrong sets it by this and signs again.
  c.header("date", new Date().toUTCString());
  c.header("cache-control", "no-store");
  c.header("x-content-type-options", "nosniff");
};

app.post("/", answerHeaders, (c) =>
  answerAwsRequest(c.req.raw, checkedDeployment(c.env), Date.now()),
);
app.use("/v1/*", answerHeaders, async (c, next) => {
  const requestId = crypto.randomUUID();
  c.set("requestId", requestId);
  c.set("deployment", checkedDeployment(c.env));
  await next();
  c.header("x-request-id", requestId);
});
app.route("/", rest);
app.all("*", (c) => c.env.ASSETS.fetch(c.req.raw));
// What no surface answered for itself: a variable that is missing or malformed, named in the log.
app.onError((error) => {
  log("alarm", "request_failed", { reason: reasonOf(error) });
  const message = "The deployment is not configured as it should be; the worker's log says how.";
  return refusalResponse({ kind: "unavailable", code: "deployment_invalid", message });
});

/** Regions that are asked at once, and how long they are waited for. */
const WATCHED_AT_ONCE = 8;
const WATCH_MS = 10_000;

/**
 * Wakes every region whose alarm has been lost. One that throws or hangs keeps no other from it.
 *
 * @throws Error naming those that could not be asked, after all the others were.
 */
async function watchRegions(env: SecretEnv): Promise<void> {
  const deployment = checkedDeployment(env);
  const regions = await deployment.registry().regions();
  const unwatched: string[] = [];
  for (let first = 0; first < regions.length; first += WATCHED_AT_ONCE) {
    const some = regions.slice(first, first + WATCHED_AT_ONCE);
    const answers = await Promise.allSettled(
      some.map(({ account, region }) =>
        within(WATCH_MS, deployment.region(account, region).watch()),
      ),
    );
    for (const [index, { account, region }] of some.entries()) {
      if (answers[index]?.status !== "fulfilled") unwatched.push(`${account}/${region}`);
    }
  }
  if (unwatched.length === 0) return;
  log("alarm", "regions_unwatched", { unwatched });
  throw new Error(`these regions could not be watched: ${unwatched.join(", ")}`);
}

// The platform finds the classes of wrangler.toml among the entry's exports.
export { Hsm, Reader, Region, Registry };

export default {
  fetch: app.fetch,
  scheduled: (_controller, env, context) => context.waitUntil(watchRegions(env)),
} satisfies ExportedHandler<SecretEnv>;
