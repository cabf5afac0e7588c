/**
 * Serves the story page for looking at the design; it builds nothing that ships.
 */
import { defineConfig } from "vite";

export default defineConfig({
  root: "src/web/story",
  publicDir: "../public",
  server: { host: "127.0.0.1", port: 5199, fs: { allow: ["../../.."] } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
});
