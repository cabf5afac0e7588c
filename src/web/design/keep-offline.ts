/**
 * Registers the service worker, so that the pages open with no network from the second visit on.
 */
export function keepOffline(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  navigator.serviceWorker.register("/sw.js").catch(() => {
    // Without it the page works as before, only not offline; the single file remains for that.
  });
}
