/**
 * Entry of the single file: the worker is inlined, for file:// pages load nothing beside
 * themselves.
 */
import EngineWorker from "../engine/engine.ts?worker&inline";
import { mount } from "./mount.tsx";

mount(() => new EngineWorker());
