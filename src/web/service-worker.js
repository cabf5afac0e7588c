/**
 * Keeps the pages of this very build, so that they open with no network.
 *
 * The build puts two constants before this text: CACHE, named by the hash of the build, and FILES,
 * the paths that belong to it. Nothing that a user gives to a page passes through here.
 */
/* global CACHE, FILES */

self.addEventListener("install", (event) => {
  const fresh = FILES.map((path) => new Request(path, { cache: "reload" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(fresh)));
});

// A new build takes over when the last page of the old one is closed: pages and workers never mix.
self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((n) => n !== CACHE).map((n) => caches.delete(n))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (!FILES.includes(url.pathname)) return;
  event.respondWith(
    caches
      .open(CACHE)
      .then((cache) => cache.match(url.pathname))
      .then((kept) => kept ?? fetch(request)),
  );
});
