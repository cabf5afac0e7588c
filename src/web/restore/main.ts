/**
 * Entry of the installed restore page: the worker is a file of its own, kept by the service worker.
 */
import "../design/dispose.ts";
import { keepOffline } from "../design/keep-offline.ts";
import EngineWorker from "../engine/engine.ts?worker";
import { mount } from "./mount.tsx";

mount(() => new EngineWorker(), "/");
keepOffline();
