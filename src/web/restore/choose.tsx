/**
 * Step 1: the backup and the recovery kit, each told at once whether it is one.
 */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { shownText } from "../../hsm/rules/plain-text.ts";
import { CopyButton } from "../design/copy-button.tsx";
import { DropZone } from "../design/drop-zone.tsx";
import { Field } from "../design/fields.tsx";
import { sizeText } from "../design/format.ts";
import { Notice } from "../design/notice.tsx";
import type { Answer, ChosenKind, ShownKit, ShownRefusal } from "../engine/shown.ts";

export interface ChosenBackup {
  readonly file: File;
  /** Null for a file that is neither a backup nor a challenge. */
  readonly kind: ChosenKind | null;
}

export interface ChosenKit {
  readonly file: File | null;
  /** What the engine read in it, or why it would not. */
  readonly facts: ShownKit | null;
  readonly refusal: ShownRefusal | null;
}

const KIND: Readonly<Record<ChosenKind, string>> = {
  challenge: "Challenge for a recovery key",
  sealed: "Sealed backup",
  bare: "Bare container with its key block (not sealed)",
};

function BackupZone(props: {
  backup: ChosenBackup | null;
  onFile: (file: File) => void;
}): JSX.Element {
  const { backup } = props;
  const state = backup === null ? "open" : backup.kind === null ? "refused" : "filled";
  return (
    <DropZone
      title="Backup"
      icon="file"
      hint="The sealed backup, usually named .hbk: drop or choose it. It is read, never changed. A challenge for a recovery key may stand in its place."
      file={backup?.file ?? null}
      state={state}
      onFile={props.onFile}
    >
      {backup === null ? null : (
        <div role="status">
          <div class="file-name">{shownText(backup.file.name)}</div>
          <div class="small soft">
            {backup.kind === null ? "Not a Holdfast backup" : KIND[backup.kind]},{" "}
            {sizeText(backup.file.size)}
          </div>
        </div>
      )}
      {state === "refused" ? (
        <Notice tone="bad" title="This file is not a Holdfast backup">
          <p>
            Its first bytes are not ours, or it ends before them. Choose the file that was
            downloaded from the catalogue.
          </p>
        </Notice>
      ) : null}
    </DropZone>
  );
}

function PasteKit(props: { onText: (text: string) => void }): JSX.Element {
  const [text, setText] = useState("");
  return (
    <div class="stack">
      <Field label="Text of the recovery kit">
        {(id) => (
          <textarea
            id={id}
            class="input"
            spellcheck={false}
            autocomplete="off"
            value={text}
            placeholder='{ "format": "holdfast-recovery-kit/1", … }'
            onInput={(event) => setText(event.currentTarget.value)}
          />
        )}
      </Field>
      <div>
        <button
          type="button"
          class="button compact main"
          disabled={text.trim() === ""}
          onClick={() => {
            props.onText(text);
            setText("");
          }}
        >
          Use this text
        </button>
      </div>
    </div>
  );
}

function recoveryText(keys: number): string {
  if (keys === 0) return "; no recovery key";
  return keys === 1 ? "; with the recovery key" : `; with ${keys} recovery keys`;
}

function KitLine(props: { kit: ChosenKit }): JSX.Element {
  const { facts, file } = props.kit;
  const name = <div class="file-name">{file === null ? "Pasted text" : shownText(file.name)}</div>;
  if (facts === null) return name;
  const versions = `Versions of the manufacturer's key: ${facts.mkbkCount}, of the operator's: ${facts.akbkCount}`;
  return (
    <div role="status">
      {name}
      <div class="small soft">
        {facts.operator} with {facts.manufacturer}, made{" "}
        <span class="unbroken">{facts.createdAt.slice(0, 10)}</span>
      </div>
      <div class="small soft">
        {versions}
        {recoveryText(facts.recoveryKeyIds.length)}
      </div>
    </div>
  );
}

function KitZone(props: {
  kit: ChosenKit | null;
  onFile: (file: File) => void;
  onText: (text: string) => void;
}): JSX.Element {
  const [pasting, setPasting] = useState(false);
  const { kit } = props;
  const state = kit === null ? "open" : kit.refusal === null ? "filled" : "refused";
  return (
    <DropZone
      title="Recovery kit"
      icon="key"
      hint="The JSON file put away when this operator was set up. It stays in this page's memory."
      file={kit?.file ?? null}
      state={state}
      onFile={props.onFile}
      actions={
        <button
          type="button"
          class="button plain"
          aria-expanded={pasting}
          onClick={() => setPasting(!pasting)}
        >
          {pasting ? "Hide the text field" : "Paste it as text"}
        </button>
      }
    >
      {kit === null ? null : <KitLine kit={kit} />}
      {kit?.refusal == null ? null : (
        <Notice tone="bad" title={kit.refusal.title} loud>
          <p>{kit.refusal.message}</p>
        </Notice>
      )}
      {pasting ? (
        <PasteKit
          onText={(text) => {
            setPasting(false);
            props.onText(text);
          }}
        />
      ) : null}
    </DropZone>
  );
}

/** What a challenge leads to: it shows that the kit is there, and opens no backup. */
function AnswerShown(props: { answer: Answer<string> | null }): JSX.Element | null {
  const { answer } = props;
  if (answer === null) return null;
  if (!answer.ok) {
    return (
      <Notice tone="bad" title={answer.refusal.title} loud>
        <p>{answer.refusal.message}</p>
        <p class="small">
          Code: <code>{answer.refusal.code}</code>
        </p>
      </Notice>
    );
  }
  return (
    <Notice tone="good" title="This kit answers the challenge" loud>
      <p>
        <span class="mono" data-result="answer">
          {answer.value}
        </span>{" "}
        <CopyButton text={answer.value} label="Copy the answer" />
      </p>
      <p>Give it to the deployment that made the challenge. It is of no other use.</p>
    </Notice>
  );
}

export function Choose(props: {
  backup: ChosenBackup | null;
  kit: ChosenKit | null;
  answer: Answer<string> | null;
  onAnswer: () => void;
  onBackup: (file: File) => void;
  onKitFile: (file: File) => void;
  onKitText: (text: string) => void;
  onVerify: () => void;
}): JSX.Element {
  const isChallenge = props.backup?.kind === "challenge";
  const ready = props.backup !== null && props.backup.kind !== null && props.kit?.facts != null;
  return (
    <div class="stack-l">
      <div class="stack">
        <h1>Open a backup with its recovery kit</h1>
        <p class="soft">
          Everything happens in this page, on this machine. It makes no network request and keeps
          nothing when it is closed, so you can disconnect the machine first.
        </p>
      </div>
      <div class="split">
        <BackupZone backup={props.backup} onFile={props.onBackup} />
        <KitZone kit={props.kit} onFile={props.onKitFile} onText={props.onKitText} />
      </div>
      <div class="row">
        <button
          type="button"
          class="button main"
          disabled={!ready}
          onClick={isChallenge ? props.onAnswer : props.onVerify}
        >
          {isChallenge ? "Answer the challenge" : "Verify the backup"}
        </button>
        <span class="soft small">{nextText(ready, isChallenge)}</span>
      </div>
      <AnswerShown answer={props.answer} />
    </div>
  );
}

function nextText(ready: boolean, isChallenge: boolean): string {
  if (!ready) return "Choose both files first.";
  return isChallenge
    ? "The answer shows that this kit is there. It opens no backup."
    : "Verifying reads the whole file before anything in it is shown.";
}
