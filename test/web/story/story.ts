/**
 * The restore tool over example data: `npm run story`.
 */

import { mount } from "../../../src/web/restore/mount.tsx";
import StoryEngine from "./story-engine.ts?worker";

mount(() => new StoryEngine(), "/");
