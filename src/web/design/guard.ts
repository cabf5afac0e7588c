/**
 * What every page gives up before anything else: making script of text, going elsewhere by itself,
 * and the ways to a network that a policy does not know.
 *
 * A second line, for the case that something foreign runs in a page all the same. SECURITY.md says
 * what it leaves open.
 */

/** The part of Trusted Types that is used; not all browsers have it, and no types do. */
interface TrustedTypes {
  createPolicy(name: "default", rules: { createScriptURL(url: string): string | null }): unknown;
}

/** The part of the Navigation API that is used; not all browsers have it. */
interface NavigationGuard {
  addEventListener(type: "navigate", listen: (event: NavigateEventPart) => void): void;
}

interface NavigateEventPart extends Event {
  readonly destination: { readonly url: string };
  /** Of a link with `download`; null of every other. */
  readonly downloadRequest: string | null;
}

const { trustedTypes, navigation } = globalThis as {
  trustedTypes?: TrustedTypes;
  navigation?: NavigationGuard;
};

/** Ways to a network that no content security policy closes. */
const UNPOLICED = ["RTCPeerConnection", "webkitRTCPeerConnection", "WebTransport"];

let isLoading = false;

// With the policies `require-trusted-types-for 'script'` and `trusted-types default` no text becomes
// script but by this, which lets through nothing but what `loadScript` is about to load.
trustedTypes?.createPolicy("default", { createScriptURL: (url) => (isLoading ? url : null) });

/** Runs `load`, which starts a worker of this build by its address. */
export function loadScript<T>(load: () => T): T {
  isLoading = true;
  try {
    return load();
  } finally {
    isLoading = false;
  }
}

/** Whether `url` belongs to this page: its own origin; of a file, the very file. */
function isOurs(url: URL): boolean {
  if (location.protocol !== "file:") return url.origin === location.origin;
  return url.protocol === "file:" && url.pathname === location.pathname;
}

navigation?.addEventListener("navigate", (event) => {
  const url = new URL(event.destination.url);
  // A blob: address is this page's own memory; as a download it goes to the disk.
  const isSaved = event.downloadRequest !== null && url.protocol === "blob:";
  if (!isSaved && !isOurs(url)) event.preventDefault();
});

for (const name of UNPOLICED) Reflect.deleteProperty(globalThis, name);
