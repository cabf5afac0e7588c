/**
 * The restore tool: files in, checks, contents, work as a user; and a way to forget it all.
 *
 * Nothing is persisted. Secrets live in the worker; the page keeps names and numbers.
 */
import type { JSX } from "preact";
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { countText, sizeText } from "../design/format.ts";
import { Icon } from "../design/icons.tsx";
import { Shell, Steps } from "../design/shell.tsx";
import { Choose } from "./choose.tsx";
import { Desk } from "./desk.ts";
import type { EngineParts } from "./engine-client.ts";
import { Inside } from "./inside.tsx";
import { moved, type RestoreState, START } from "./restore-state.ts";
import { Verify } from "./verify.tsx";

const STEP_NAMES = ["Choose", "Verify", "Look inside", "Use"] as const;

function stepOf(state: RestoreState): number {
  if (state.stage === "choose") return 0;
  if (state.stage === "verify") return 1;
  return state.session === null ? 2 : 3;
}

function summary(state: RestoreState): string {
  const { contents, facts } = state;
  if (contents === null || facts === null) return "";
  const users = countText(contents.users.length, "user", "users");
  const keys = countText(contents.keys.length, "key", "keys");
  const certificates = countText(contents.certificates.length, "certificate", "certificates");
  const size = sizeText(facts.fileBytes);
  return `All ${size} of it were read and hold together: ${users}, ${keys}, ${certificates}.`;
}

function Stage(props: { state: RestoreState; desk: Desk }): JSX.Element {
  const { state, desk } = props;
  if (state.stage === "choose") {
    return (
      <Choose
        backup={state.backup}
        kit={state.kit}
        onBackup={(file) => void desk.chooseBackup(file)}
        onKitFile={(file) => void desk.chooseKit(file)}
        onKitText={(text) => void desk.chooseKit(text)}
        onVerify={() => void desk.verify()}
      />
    );
  }
  if (state.stage === "inside" && state.facts !== null && state.contents !== null) {
    return (
      <Inside
        facts={state.facts}
        contents={state.contents}
        session={state.session}
        operations={desk.operations}
        onLogin={(name, password) => desk.login(name, password)}
      />
    );
  }
  return (
    <Verify
      reports={state.reports}
      refusal={state.refusal}
      facts={state.facts}
      summary={summary(state)}
      onCancel={() => void desk.stop()}
      onBack={() => desk.back()}
      onInside={() => desk.inside()}
    />
  );
}

function Actions(props: { state: RestoreState; desk: Desk }): JSX.Element {
  const { state, desk } = props;
  const empty = state.backup === null && state.kit === null;
  return (
    <>
      {state.session === null ? null : (
        <>
          <span class="small" data-session={state.session.userName}>
            {state.session.userName} ({state.session.role})
          </span>
          <button type="button" class="button compact" onClick={() => void desk.logout()}>
            Log out
          </button>
        </>
      )}
      {empty ? null : (
        <button type="button" class="button compact" onClick={() => void desk.startOver()}>
          Start over
        </button>
      )}
    </>
  );
}

/** What this page computes with, so that it can be compared with what a release names. */
function CoreDigest(props: { digest: Promise<string> }): JSX.Element {
  const [digest, setDigest] = useState("");
  useEffect(() => {
    void props.digest.then(setDigest);
  }, [props.digest]);
  return (
    <span class="core-digest">
      Format 1. SHA-256 of the core: <span class="mono">{digest}</span>
    </span>
  );
}

/** @param props.home - address of the landing page; absent in the single file. */
export function RestoreTool(props: {
  parts: EngineParts;
  home?: string;
  coreDigest: Promise<string>;
}): JSX.Element {
  const [state, dispatch] = useReducer(moved, START);
  const desk = useMemo(() => new Desk(props.parts, dispatch), [props.parts]);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) {
      scrollTo(0, 0);
      document.getElementById("main")?.focus({ preventScroll: true });
    }
    first.current = false;
  }, [state.stage]);
  return (
    <Shell
      subtitle="Restore tool"
      {...(props.home === undefined ? {} : { home: props.home })}
      actions={<Actions state={state} desk={desk} />}
      steps={<Steps names={STEP_NAMES} current={stepOf(state)} />}
      foot={
        <>
          <span class="row">
            <Icon name="offline" size={16} /> This page reaches no network.
          </span>
          <span>Closing it forgets everything.</span>
          <CoreDigest digest={props.coreDigest} />
        </>
      }
    >
      <Stage state={state} desk={desk} />
    </Shell>
  );
}
