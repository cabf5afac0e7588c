/**
 * Step 2: the chain of checks, as it closes; and, where it does not, why and what to do.
 */
import type { JSX } from "preact";
import { Chain, type Link } from "../design/chain.tsx";
import { Notice } from "../design/notice.tsx";
import {
  CHECKS,
  type CheckId,
  type CheckReport,
  type ShownBackup,
  type ShownRefusal,
} from "../engine/shown.ts";
import { IdentityPlate, NewerKnown } from "./overview.tsx";

const CHECK_NAME: Readonly<Record<CheckId, string>> = {
  data_key: "Data key",
  envelope: "Envelope",
  key_block: "Key block",
  header: "Header",
  chunks: "Chunks",
  manifest: "Manifest",
  trailer: "Trailer",
  body_digest: "Digest of the body",
  memory: "Memory",
};

const CHECK_DETAIL: Readonly<Record<CheckId, string>> = {
  data_key: "The kit's recovery key opens the seal",
  envelope: "Authentic, and it holds the key block",
  key_block: "Manufacturer and operator key together unwrap this backup's own keys",
  header: "Authentic, and it belongs to this key block",
  chunks: "Every piece unwraps, in its order",
  manifest: "Every record is there once, with its digest",
  trailer: "The container is authentic as a whole",
  body_digest: "The sealed bytes are those the envelope names",
  memory: "Read again into this page's HSM, and still the same container",
};

/** Said instead where a check does not apply. */
const NO_SEAL = "This file is a bare container without a seal";

/** The links of the chain from the reports so far. */
function linksOf(reports: ReadonlyMap<CheckId, CheckReport>): Link[] {
  const parted = [...reports.values()].some(({ state }) => state === "failed");
  return CHECKS.map((id) => {
    const report = reports.get(id);
    const isCutOff = parted && (report === undefined || report.state === "running");
    return {
      id,
      name: CHECK_NAME[id],
      state: isCutOff ? "unreached" : (report?.state ?? "waiting"),
      detail: report?.state === "skipped" ? NO_SEAL : CHECK_DETAIL[id],
      progress: report?.state === "running" ? report.progress : null,
    };
  });
}

function spoken(reports: ReadonlyMap<CheckId, CheckReport>, done: boolean): string {
  if (done) return "The backup is verified.";
  const running = CHECKS.find((id) => reports.get(id)?.state === "running");
  return running === undefined ? "" : `Checking: ${CHECK_NAME[running]}`;
}

export function Verify(props: {
  reports: ReadonlyMap<CheckId, CheckReport>;
  refusal: ShownRefusal | null;
  /** Null until the whole chain holds. */
  facts: ShownBackup | null;
  summary: string;
  onCancel: () => void;
  onBack: () => void;
  onInside: () => void;
}): JSX.Element {
  const { refusal, facts } = props;
  const done = facts !== null;
  return (
    <div class="verify">
      <div class="stack">
        <h1>{title(refusal, done)}</h1>
        <p class="soft">{done ? props.summary : runningText(refusal)}</p>
        {refusal === null ? null : (
          <Notice tone="bad" title={refusal.title} loud>
            <p>{refusal.message}</p>
            <p class="small">
              Code: <code>{refusal.code}</code>
            </p>
          </Notice>
        )}
        {facts === null ? null : <NewerKnown facts={facts} />}
        {facts === null ? null : <IdentityPlate facts={facts} />}
        <div class="row">{actions({ ...props, done })}</div>
      </div>
      <Chain links={linksOf(props.reports)} />
      <div class="unseen" role="status" aria-live="polite">
        {spoken(props.reports, done)}
      </div>
    </div>
  );
}

function runningText(refusal: ShownRefusal | null): string {
  return refusal === null
    ? "The whole file is checked before anything in it is shown. A large one takes a few seconds."
    : "The chain of checks parted. Nothing that the file holds was released.";
}

function title(refusal: ShownRefusal | null, done: boolean): string {
  if (refusal !== null) return "This backup was not opened";
  return done ? "The backup is whole and authentic" : "Verifying the backup";
}

function actions(props: {
  refusal: ShownRefusal | null;
  done: boolean;
  onCancel: () => void;
  onBack: () => void;
  onInside: () => void;
}): JSX.Element {
  if (props.done) {
    return (
      <button type="button" class="button main" onClick={props.onInside}>
        See what is inside
      </button>
    );
  }
  if (props.refusal !== null) {
    return (
      <button type="button" class="button main" onClick={props.onBack}>
        Choose other files
      </button>
    );
  }
  return (
    <button type="button" class="button" onClick={props.onCancel}>
      Cancel
    </button>
  );
}
