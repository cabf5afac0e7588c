/**
 * What every page starts with: all of the visual language, its theme, its place; and, for those
 * that are installed, being there with no network.
 */

import { type ComponentChild, render } from "preact";
import { loadScript } from "./guard.ts";
import { showSystemTheme } from "./theme.ts";
// In the order in which they build on each other.
import "./tokens.css";
import "./base.css";
import "./controls.css";
import "./panels.css";
import "./chain.css";
import "./tables.css";
import "./dialogs.css";

export function showPage(page: ComponentChild): void {
  const app = document.getElementById("app");
  if (app === null) throw new Error("unreachable: the page has no #app");
  showSystemTheme();
  render(page, app);
}

/** Registers the service worker: from the second visit on the pages open with no network. */
export function keepOffline(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const registered = loadScript(() => navigator.serviceWorker.register("/sw.js"));
  registered.catch(() => {
    // Without it the page works as before, only not offline; the single file remains for that.
  });
}
