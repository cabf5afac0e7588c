/**
 * Letting a key out, if its attributes allow it: one warning, one deliberate act.
 */
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { CopyButton, SaveButton } from "../design/copy-button.tsx";
import { Notice } from "../design/notice.tsx";
import type { KeyCalls } from "../engine/calls.ts";
import type { Answer, ExportedFile, ExportForm, ShownKey } from "../engine/shown.ts";
import { RefusalNotice } from "./key-uses.tsx";

const FORM: Readonly<Record<ExportForm, string>> = {
  pem: "PEM (PKCS #8)",
  jwk: "JWK (JSON)",
  hex: "Raw bytes in hex",
};

function Forms(props: {
  forms: readonly ExportForm[];
  form: ExportForm;
  onChange: (form: ExportForm) => void;
}): JSX.Element {
  const name = useId();
  return (
    <fieldset class="plain-set">
      <legend class="label">Form</legend>
      <div class="row">
        {props.forms.map((form) => (
          <label key={form} class="check">
            <input
              type="radio"
              name={name}
              checked={form === props.form}
              onChange={() => props.onChange(form)}
            />
            <span>{FORM[form]}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function Exported(props: { exported: ExportedFile; onHide: () => void }): JSX.Element {
  const { exported } = props;
  return (
    <section class="result" aria-label="The exported key">
      <strong>The key, in plain form</strong>
      <pre class="pem" data-result="exported">
        {exported.text}
      </pre>
      <div class="row">
        <SaveButton
          label="Save as a file"
          name={exported.fileName}
          content={() => new Blob([exported.text])}
        />
        <CopyButton wide text={exported.text} label="Copy" />
        <button type="button" class="button compact" onClick={props.onHide}>
          Hide
        </button>
      </div>
    </section>
  );
}

function Warning(props: { extractable: boolean }): JSX.Element {
  return props.extractable ? (
    <Notice tone="warn" title="An exported key is no longer protected by any HSM">
      <p>
        Whoever sees it can use it, for ever. Export only to move the key into another HSM or key
        store, and destroy the copy afterwards.
      </p>
    </Notice>
  ) : (
    <Notice tone="note" title="This key is marked not extractable">
      <p>
        It can be used in here by those who may use it, but the restored HSM does not let it out, as
        the original did not.
      </p>
    </Notice>
  );
}

export function KeyExport(props: { shownKey: ShownKey; calls: KeyCalls }): JSX.Element {
  const { shownKey } = props;
  const [form, setForm] = useState<ExportForm>(shownKey.exportsAs[0] ?? "hex");
  const [understood, setUnderstood] = useState(false);
  const [answer, setAnswer] = useState<Answer<ExportedFile> | null>(null);
  const run = async (): Promise<void> => {
    setAnswer(await props.calls.exportKey(shownKey.handle, form));
  };
  const ready = understood || !shownKey.extractable;
  return (
    <div class="stack">
      <Warning extractable={shownKey.extractable} />
      <Forms
        forms={shownKey.exportsAs}
        form={form}
        onChange={(next) => {
          setForm(next);
          setAnswer(null);
        }}
      />
      {shownKey.extractable ? (
        <label class="check">
          <input
            type="checkbox"
            checked={understood}
            onChange={(event) => setUnderstood(event.currentTarget.checked)}
          />
          <span>I understand that this shows the key in plain form.</span>
        </label>
      ) : null}
      <div>
        <button
          type="button"
          class={`button ${shownKey.extractable ? "danger" : ""}`}
          disabled={!ready}
          onClick={() => void run()}
        >
          {shownKey.extractable ? "Export the key" : "Ask the HSM anyway"}
        </button>
      </div>
      {answer === null ? null : answer.ok ? (
        <Exported exported={answer.value} onHide={() => setAnswer(null)} />
      ) : (
        <RefusalNotice refusal={answer.refusal} />
      )}
    </div>
  );
}
