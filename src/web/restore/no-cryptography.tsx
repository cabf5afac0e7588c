/**
 * In place of the restore tool where the browser gives a page no cryptography: why, and what to do.
 */
import type { JSX } from "preact";
import { Notice } from "../design/notice.tsx";
import { Shell } from "../design/shell.tsx";

const SAVED_FILE = "/restore-offline.html";

/** Where the browser is to blame, not the way the page came. */
function OldBrowser(): JSX.Element {
  return (
    <Notice tone="bad" title="This browser has no Web Cryptography">
      <p>Use a current Chrome, Edge, Firefox or Safari.</p>
    </Notice>
  );
}

/** This page at a name that means the machine itself: browsers trust those over http. */
function local(name: string): string {
  return `http://${name}${location.port === "" ? "" : `:${location.port}`}${location.pathname}`;
}

function PlainHttp(): JSX.Element {
  return (
    <>
      <Notice tone="bad" title={`This page came over plain http from ${location.host}`}>
        <p>
          Browsers give such pages no cryptography, because anyone on the way could have changed
          them. Nothing is wrong with this browser, and nothing was read from your files.
        </p>
      </Notice>
      <h2>Open it in one of these ways</h2>
      <ul class="stack">
        <li>
          by <code>https://</code>, if this address answers there
        </li>
        <li>
          on the machine that serves it, at <code>{local("localhost")}</code> or{" "}
          <code>{local("127.0.0.1")}</code>
        </li>
        <li>
          as one file from disk: take the copy that is kept beside the recovery kit. A{" "}
          <a href={SAVED_FILE} download="holdfast-restore.html">
            copy from here
          </a>{" "}
          came over plain http too, so compare its SHA-256 with the noted one first
        </li>
      </ul>
    </>
  );
}

/** @param props.home - address of the landing page; absent in the single file. */
export function NoCryptography(props: { home?: string }): JSX.Element {
  return (
    <Shell
      subtitle="Restore tool"
      {...(props.home === undefined ? {} : { home: props.home })}
      foot={<span>This page reaches no network.</span>}
    >
      <div class="stack">
        <h1>The restore tool cannot work here</h1>
        {isSecureContext ? <OldBrowser /> : <PlainHttp />}
      </div>
    </Shell>
  );
}
