/**
 * The worker that bench/core-workerd.ts runs in workerd: `POST /` with an order does its work.
 *
 * The clock is outside: here it may stand still.
 */
import coreModule from "./core.wasm";
import { PlatformBench, type PlatformOrder } from "./platform-cases.ts";

const bench = new PlatformBench(coreModule);

export default {
  async fetch(request: Request): Promise<Response> {
    await bench.run((await request.json()) as PlatformOrder);
    return new Response("done");
  },
};
