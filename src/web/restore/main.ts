/**
 * Entry of the installed restore page: the worker is a file of its own, kept by the service worker.
 */
import { keepOffline } from "../design/page.ts";
import EngineWorker from "../engine/engine.ts?worker";
import { mount } from "./mount.tsx";

mount(() => new EngineWorker(), "/");
keepOffline();
