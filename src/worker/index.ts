/**
 * The worker's entry: `POST /` is the AWS wire, `/v1` the REST surface, everything else a page.
 *
 * Cron looks after the regions' alarms. No state lives here: it is all in the Durable Objects.
 */
import "reflect-metadata";
import { Hono } from "hono";
import { answerAwsRequest } from "./aws/wire.ts";
import { Hsm } from "./hsm/hsm.ts";
import { deploymentOf, type Env } from "./platform/deployment.ts";
import { Region } from "./region/region.ts";
import { Registry } from "./registry.ts";
import { rest } from "./rest/surface.ts";

const app = new Hono<{ Bindings: Env }>();

app.post("/", (c) => answerAwsRequest(c.req.raw, deploymentOf(c.env), Date.now()));
app.route("/", rest);
app.all("*", (c) => c.env.ASSETS.fetch(c.req.raw));
// What no surface answered for itself: most likely a variable that is missing, named in the log.
app.onError((error, c) => {
  console.error(JSON.stringify({ event: "request_failed", reason: error.message }));
  const message = "The request failed because of an internal error; the worker's log says more.";
  return c.json({ error: { code: "internal", message } }, 500);
});

/** Wakes every region whose alarm has been lost. */
async function watchRegions(env: Env): Promise<void> {
  const deployment = deploymentOf(env);
  for (const { account, region } of await deployment.registry().regions()) {
    await deployment.region(account, region).watch();
  }
}

// The platform finds the classes of wrangler.toml among the entry's exports.
export { Hsm, Region, Registry };

export default {
  fetch: app.fetch,
  scheduled: (_controller, env, context) => context.waitUntil(watchRegions(env)),
} satisfies ExportedHandler<Env>;
