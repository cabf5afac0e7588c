/**
 * The first page and its entry: what this is, the way to the restore tool, where the interfaces
 * are, is it well.
 */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { keepOffline, showPage } from "../design/page.ts";
import { Shell } from "../design/shell.tsx";

type Health = "asking" | "well" | "unwell" | "offline";

async function askHealth(): Promise<Health> {
  const response = await fetch("/v1/health", { cache: "no-store" }).catch(() => null);
  if (response === null) return "offline";
  return response.ok ? "well" : "unwell";
}

const HEALTH: Readonly<Record<Health, { tone: string; text: string }>> = {
  asking: { tone: "", text: "Asking…" },
  well: { tone: "good", text: "Answering" },
  unwell: { tone: "bad", text: "Answers with an error" },
  offline: { tone: "warn", text: "Not reachable from here" },
};

function HealthChip(): JSX.Element {
  const [health, setHealth] = useState<Health>("asking");
  useEffect(() => {
    void askHealth().then(setHealth);
  }, []);
  const { tone, text } = HEALTH[health];
  return (
    <span class={`chip ${tone}`} role="status">
      {text}
    </span>
  );
}

function Door(props: {
  title: string;
  action: JSX.Element;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <section class="panel stack door">
      <h2>{props.title}</h2>
      {props.children}
      <div class="row door-action">{props.action}</div>
    </section>
  );
}

function Interfaces(): JSX.Element {
  return (
    <section class="stack">
      <h2>Interfaces of this edge</h2>
      <dl class="facts loose">
        <dt>AWS CloudHSM V2 wire</dt>
        <dd>
          <code>POST {location.origin}/</code>
          <div class="small soft">
            Set <code>AWS_ENDPOINT_URL_CLOUDHSM_V2</code> to this address for the AWS CLI and boto3;
            give it as the endpoint in the code of other SDKs, the one for JavaScript above all, and
            in Terraform. Those that have neither go to the real AWS.
          </div>
        </dd>
        <dt>REST interface</dt>
        <dd>
          <code>{location.origin}/v1</code>
          <div class="small soft">
            Users, keys and their use, backups on demand, downloads. Described by{" "}
            <a href="/v1/openapi.json">the OpenAPI document</a>.
          </div>
        </dd>
        <dt>Health</dt>
        <dd class="row">
          <HealthChip /> <a href="/v1/health">/v1/health</a>
        </dd>
      </dl>
    </section>
  );
}

function Landing(): JSX.Element {
  return (
    <Shell
      subtitle="HSM-grade cluster backups"
      foot={
        <span>Software HSMs. Not a certified module: nothing here claims FIPS 140 validation.</span>
      }
    >
      <div class="stack-l">
        <div class="stack lead">
          <h1>A cluster's whole memory, backed up and ready to be restored</h1>
          <p class="soft">
            Holdfast keeps clusters of software HSMs and backs up everything they hold: users, keys,
            certificates, configuration and policies. Each backup is wrapped inside the HSM, sealed
            under a KMS key, and restored onto a new HSM or a new cluster. With a recovery kit it
            opens in this browser, with no network at all.
          </p>
        </div>
        <div class="split">
          <Door
            title="Restore tool"
            action={
              <>
                <a class="button main" href="/restore">
                  Open the restore tool
                </a>
                <a class="button" href="/restore-offline.html" download="holdfast-restore.html">
                  Save it as one file
                </a>
              </>
            }
          >
            <p>
              Give it a sealed backup and the recovery kit. It verifies every byte, shows what is
              inside, and lets the users inside sign, decrypt or export what their rights allow.
            </p>
            <p class="soft small">
              It works without a network. Keep the saved file beside the recovery kit: it opens from
              a disk on a day when this service is gone.
            </p>
          </Door>
          <div class="panel">
            <Interfaces />
          </div>
        </div>
      </div>
    </Shell>
  );
}

showPage(<Landing />);
keepOffline();
