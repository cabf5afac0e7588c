/**
 * The restore tool over example data: `npm run example`.
 */

import { mount } from "../../../src/web/restore/mount.tsx";
import ExampleEngine from "./example-engine.ts?worker";

mount(() => new ExampleEngine(), "/");
