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
import type { EngineParts } from "./engine-client.ts";
import { Inside } from "./inside.tsx";
import { RestoreController } from "./restore-controller.ts";
import { moved, type RestoreState, START } from "./restore-state.ts";
import { Verify } from "./verify.tsx";

const STEP_NAMES = ["Choose", "Verify", "Look inside", "Use"] as const;

function stepOf(state: RestoreState): number {
  if (state.stage === "choose") return 0;
  if (state.stage === "verify") return 1;
  return state.session === null ? 2 : 3;
}

function summary(state: RestoreState): string {
  if (state.opened === null) return "";
  const { contents, facts } = state.opened;
  const users = countText(contents.users.length, "user", "users");
  const keys = countText(contents.keys.length, "key", "keys");
  const certificates = countText(contents.certificates.length, "certificate", "certificates");
  const size = sizeText(facts.fileBytes);
  return `All ${size} of it were read and hold together: ${users}, ${keys}, ${certificates}.`;
}

function Stage(props: { state: RestoreState; controller: RestoreController }): JSX.Element {
  const { state, controller } = props;
  if (state.stage === "choose") {
    return (
      <Choose
        backup={state.backup}
        kit={state.kit}
        answer={state.answer}
        onAnswer={() => void controller.answer()}
        onBackup={(file) => void controller.chooseBackup(file)}
        onKitFile={(file) => void controller.chooseKit(file)}
        onKitText={(text) => void controller.chooseKit(text)}
        onVerify={() => void controller.verify()}
      />
    );
  }
  if (state.stage === "inside" && state.opened !== null) {
    return (
      <Inside
        opened={state.opened}
        session={state.session}
        calls={controller.calls}
        onLogin={(name, password) => controller.login(name, password)}
      />
    );
  }
  return (
    <Verify
      reports={state.reports}
      refusal={state.refusal}
      facts={state.opened?.facts ?? null}
      summary={summary(state)}
      onCancel={() => void controller.stop()}
      onBack={() => controller.back()}
      onInside={() => controller.inside()}
    />
  );
}

function Actions(props: { state: RestoreState; controller: RestoreController }): JSX.Element {
  const { state, controller } = props;
  const empty = state.backup === null && state.kit === null;
  return (
    <>
      {state.session === null ? null : (
        <>
          <span class="small" data-session={state.session.userName}>
            {state.session.userName} ({state.session.role})
          </span>
          <button type="button" class="button compact" onClick={() => void controller.logout()}>
            Log out
          </button>
        </>
      )}
      {empty ? null : (
        <button type="button" class="button compact" onClick={() => void controller.startOver()}>
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
  const controller = useMemo(() => new RestoreController(props.parts, dispatch), [props.parts]);
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
      actions={<Actions state={state} controller={controller} />}
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
      <Stage state={state} controller={controller} />
    </Shell>
  );
}
