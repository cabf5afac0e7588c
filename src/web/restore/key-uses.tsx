/**
 * Using a key: sign, verify, encrypt, decrypt. The work and the permission are the HSM's.
 */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { encodeBase64 } from "../../crypto/base-encodings.ts";
import { DER_TAG, encodeDer, encodeDerInteger } from "../../crypto/der.ts";
import { CopyButton, SaveButton } from "../design/copy-button.tsx";
import { Choice, Field, options } from "../design/fields.tsx";
import { sizeText } from "../design/format.ts";
import { Notice } from "../design/notice.tsx";
import type { KeyCalls } from "../engine/calls.ts";
import type { Answer, ShownKey, ShownRefusal } from "../engine/shown.ts";
import { DataInput, parseBase64 } from "./data-input.tsx";

export function RefusalNotice(props: { refusal: ShownRefusal }): JSX.Element {
  return (
    <Notice tone="bad" title={props.refusal.title} loud>
      <p>{props.refusal.message}</p>
    </Notice>
  );
}

function Mechanism(props: {
  names: readonly string[];
  value: string;
  onChange: (name: string) => void;
}): JSX.Element {
  return (
    <Choice label="Mechanism" value={props.value} onChange={props.onChange}>
      {options(props.names)}
    </Choice>
  );
}

const TEXT_PREVIEW_BYTES = 16 * 1024;

/** Bytes as text where they are UTF-8 and short, else null. */
function readable(bytes: Uint8Array): string | null {
  if (bytes.length > TEXT_PREVIEW_BYTES) return null;
  const text = new TextDecoder().decode(bytes);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the question.
  return /[\uFFFD\u0000-\u0008\u000E-\u001F]/.test(text) ? null : text;
}

interface SaveForm {
  readonly label: string;
  readonly fileName: string;
  readonly bytes: Uint8Array;
}

function Result(props: {
  name: string;
  bytes: Uint8Array;
  plain: boolean;
  forms: readonly SaveForm[];
}): JSX.Element {
  const text = props.plain ? readable(props.bytes) : null;
  const short = props.bytes.length <= TEXT_PREVIEW_BYTES;
  const shown = text ?? (short ? encodeBase64(props.bytes) : "");
  const form = text === null ? "base64" : "text";
  return (
    <section class="result" aria-label={props.name}>
      <div class="row">
        <strong>{props.name}</strong>
        <span class="soft small">
          {sizeText(props.bytes.length)}
          {shown === "" ? ": too long to show" : `, as ${form}`}
        </span>
      </div>
      {shown === "" ? null : (
        <pre class="pem" data-result={form}>
          {shown}
        </pre>
      )}
      <div class="row">
        {shown === "" ? null : <CopyButton wide text={shown} label={`Copy ${form}`} />}
        {props.forms.map(({ label, fileName, bytes }) => (
          <SaveButton
            key={label}
            label={label}
            name={fileName}
            content={() => new Blob([bytes.slice()])}
          />
        ))}
      </div>
    </section>
  );
}

/**
 * An ECDSA signature as OpenSSL and X.509 write it: a DER sequence of r and s (RFC 3279 §2.2.3).
 *
 * @param signature - r ‖ s of IEEE P1363, each half of it, up to 132 bytes in all.
 */
function ecdsaDer(signature: Uint8Array): Uint8Array {
  const integer = (digits: Uint8Array): Uint8Array => {
    const first = digits.findIndex((digit) => digit !== 0);
    return encodeDerInteger(first === -1 ? new Uint8Array() : digits.subarray(first));
  };
  const half = signature.length / 2;
  const r = integer(signature.subarray(0, half));
  const s = integer(signature.subarray(half));
  return encodeDer(DER_TAG.sequence, r, s);
}

/** How a result can be saved: as it is and, for ECDSA, as other tools expect it. */
function saveForms(fileName: string, mechanism: string, bytes: Uint8Array): SaveForm[] {
  const plain = { label: "Save as a file", fileName, bytes };
  if (!mechanism.startsWith("ecdsa-")) return [plain];
  return [
    plain,
    { label: "Save as DER (OpenSSL)", fileName: `${fileName}.der`, bytes: ecdsaDer(bytes) },
  ];
}

export type BytesUse = "sign" | "encrypt" | "decrypt";

const USE = {
  sign: { input: "What to sign", verb: "Sign", result: "Signature", file: "signature.sig" },
  encrypt: {
    input: "What to encrypt",
    verb: "Encrypt",
    result: "Ciphertext",
    file: "ciphertext.bin",
  },
  decrypt: {
    input: "What to decrypt",
    verb: "Decrypt",
    result: "Plaintext",
    file: "plaintext.bin",
  },
} as const;

const NOTE: Readonly<Record<BytesUse, string>> = {
  sign: "",
  encrypt: "With AES the result begins with the IV that the HSM made: 12 bytes for GCM, 16 else.",
  decrypt: "With AES the input begins with the IV, as Encrypt gives it.",
};

/** One input, one mechanism, bytes out. */
export function UseKey(props: {
  use: BytesUse;
  shownKey: ShownKey;
  mechanisms: readonly string[];
  calls: KeyCalls;
}): JSX.Element {
  const words = USE[props.use];
  const [mechanism, setMechanism] = useState(props.mechanisms[0] ?? "");
  const [data, setData] = useState<Blob | null>(null);
  const [busy, setBusy] = useState(false);
  const [answer, setAnswer] = useState<Answer<Uint8Array> | null>(null);
  const run = async (): Promise<void> => {
    if (data === null || busy) return;
    setBusy(true);
    setAnswer(await props.calls[props.use](props.shownKey.handle, mechanism, data));
    setBusy(false);
  };
  const changed = (next: Blob | null): void => {
    setData(next);
    setAnswer(null);
  };
  return (
    <div class="stack">
      <DataInput
        label={words.input}
        encoding={props.use === "decrypt" ? "base64" : "utf8"}
        onData={changed}
      />
      <Mechanism
        names={props.mechanisms}
        value={mechanism}
        onChange={(name) => {
          setMechanism(name);
          setAnswer(null);
        }}
      />
      {NOTE[props.use] === "" ? null : <p class="small soft">{NOTE[props.use]}</p>}
      <div>
        <button
          type="button"
          class="button main"
          disabled={data === null || busy}
          onClick={() => void run()}
        >
          {words.verb}
        </button>
      </div>
      {answer === null ? null : answer.ok ? (
        <Result
          name={words.result}
          bytes={answer.value}
          plain={props.use === "decrypt"}
          forms={saveForms(words.file, mechanism, answer.value)}
        />
      ) : (
        <RefusalNotice refusal={answer.refusal} />
      )}
    </div>
  );
}

export function VerifySignature(props: { shownKey: ShownKey; calls: KeyCalls }): JSX.Element {
  const { shownKey } = props;
  const [mechanism, setMechanism] = useState(shownKey.verifiesWith[0] ?? "");
  const [data, setData] = useState<Blob | null>(null);
  const [text, setText] = useState("");
  const [answer, setAnswer] = useState<Answer<boolean> | null>(null);
  const signature = parseBase64(text);
  const run = async (): Promise<void> => {
    if (data === null || signature === null) return;
    setAnswer(await props.calls.verify(shownKey.handle, mechanism, data, signature));
  };
  return (
    <div class="stack">
      <DataInput label="What was signed" encoding="utf8" onData={setData} />
      <Field label="Signature, in base64">
        {(id) => (
          <textarea
            id={id}
            class="input"
            spellcheck={false}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        )}
      </Field>
      <Mechanism names={shownKey.verifiesWith} value={mechanism} onChange={setMechanism} />
      <div>
        <button
          type="button"
          class="button main"
          disabled={data === null || signature === null}
          onClick={() => void run()}
        >
          Verify the signature
        </button>
      </div>
      <VerifyAnswer answer={answer} />
    </div>
  );
}

function VerifyAnswer(props: { answer: Answer<boolean> | null }): JSX.Element | null {
  if (props.answer === null) return null;
  if (!props.answer.ok) return <RefusalNotice refusal={props.answer.refusal} />;
  return props.answer.value ? (
    <Notice tone="good" title="The signature is valid" loud />
  ) : (
    <Notice tone="bad" title="The signature is not valid" loud>
      <p>The data, the signature, the mechanism or the key is another one than when it was made.</p>
    </Notice>
  );
}
