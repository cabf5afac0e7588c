/**
 * Entry of the worker.
 */
import "../design/dispose.ts";
import { refusalOf } from "./refusals.ts";
import { RestoreService } from "./restore-service.ts";
import { serve } from "./serve.ts";

declare const self: Parameters<typeof serve>[0];

serve(self, (module, report) => new RestoreService(module, report), refusalOf);
