/**
 * Logging in as a user inside. The password goes to the worker and is forgotten by the form.
 */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { Dialog } from "../design/dialog.tsx";
import { Field } from "../design/fields.tsx";
import { Notice } from "../design/notice.tsx";
import type { ShownRefusal } from "../engine/shown.ts";

/** @param props.onLogin - resolves to null when logged in, else to the refusal. */
export function Login(props: {
  name: string;
  onLogin: (name: string, password: string) => Promise<ShownRefusal | null>;
  onClose: () => void;
}): JSX.Element {
  const [name, setName] = useState(props.name);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<ShownRefusal | null>(null);
  const password = useRef<HTMLInputElement>(null);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const field = password.current;
    if (field === null || busy) return;
    setBusy(true);
    setRefusal(null);
    const answer = await props.onLogin(name.trim(), field.value);
    field.value = "";
    setBusy(false);
    setRefusal(answer);
    if (answer === null) props.onClose();
    else field.focus();
  };
  return (
    <Dialog title="Log in to the restored HSM" shape="card" onClose={props.onClose}>
      <form class="stack" autocomplete="off" onSubmit={(event) => void submit(event)}>
        {refusal === null ? null : (
          <Notice tone="bad" title={refusal.title} loud>
            <p>{refusal.message}</p>
          </Notice>
        )}
        <Field label="User name">
          {(id) => (
            <input
              id={id}
              class="input"
              value={name}
              required
              autocapitalize="none"
              spellcheck={false}
              autocomplete="off"
              autoFocus={props.name === ""}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Password">
          {(id) => (
            <>
              <input
                id={id}
                ref={password}
                class="input"
                type="password"
                required
                autocomplete="off"
                autoFocus={props.name !== ""}
              />
              <span class="hint">
                The one this user had when the backup was made. Wrong ones count towards the lock.
              </span>
            </>
          )}
        </Field>
        <div class="row">
          <button type="submit" class="button main" aria-disabled={busy}>
            {busy ? "Checking the password…" : "Log in"}
          </button>
          <button type="button" class="button plain" onClick={props.onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
