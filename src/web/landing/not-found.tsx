/**
 * The page at every address that is none, and its entry.
 */
import type { JSX } from "preact";
import { showPage } from "../design/page.ts";
import { Shell } from "../design/shell.tsx";

function NotFound(): JSX.Element {
  return (
    <Shell
      subtitle="HSM-grade cluster backups"
      home="/"
      foot={<span>Status 404: this edge has no such page.</span>}
    >
      <div class="stack lead">
        <h1>There is nothing at this address</h1>
        <p class="soft">
          No page of this edge is called <code>{location.pathname}</code>. The interfaces are{" "}
          <code>POST /</code> and what lies below <code>/v1</code>.
        </p>
        <div class="row">
          <a class="button main" href="/">
            Start page
          </a>
          <a class="button" href="/restore">
            Open the restore tool
          </a>
        </div>
      </div>
    </Shell>
  );
}

showPage(<NotFound />);
