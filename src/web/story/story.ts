/**
 * The restore tool over example data: `npx vite --config src/web/story/vite.config.ts`.
 */

import { mount } from "../restore/mount.tsx";
import StoryEngine from "./story-engine.ts?worker";

mount(() => new StoryEngine(), "/");
