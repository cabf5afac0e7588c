/**
 * What an operation works on: text typed here, or a file.
 */

import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { decodeEitherBase64 } from "../../crypto/base-encodings.ts";
import { MAX_OPERATION_BYTES } from "../../hsm/rules/limits.ts";
import { sizeText } from "../design/format.ts";

/** @param props.encoding - how typed text becomes bytes; a file is taken as it is. */
export function DataInput(props: {
  label: string;
  encoding: "utf8" | "base64";
  onData: (data: Blob | null) => void;
}): JSX.Element {
  const id = useId();
  const [from, setFrom] = useState<"text" | "file">("text");
  const [file, setFile] = useState<File | null>(null);
  const [wrong, setWrong] = useState("");
  const onText = (text: string): void => {
    const data = props.encoding === "utf8" ? new Blob([text]) : base64Blob(text);
    setWrong(data === null && text.trim() !== "" ? "This is not base64." : "");
    props.onData(text === "" ? null : data);
  };
  const onFile = (chosen: File | null): void => {
    setFile(chosen);
    const fits = chosen !== null && chosen.size <= MAX_OPERATION_BYTES;
    setWrong(
      chosen !== null && !fits ? `At most ${sizeText(MAX_OPERATION_BYTES)} can be used.` : "",
    );
    props.onData(fits ? chosen : null);
  };
  const source = (value: "text" | "file", label: string): JSX.Element => (
    <label class="check">
      <input
        type="radio"
        name={`${id}-from`}
        checked={from === value}
        onChange={() => {
          setFrom(value);
          setWrong("");
          props.onData(value === "file" ? file : null);
        }}
      />
      <span>{label}</span>
    </label>
  );
  return (
    <fieldset class="plain-set stack">
      <legend class="label">{props.label}</legend>
      <div class="row">
        {source("text", props.encoding === "utf8" ? "Text" : "Base64 text")}
        {source("file", "File")}
      </div>
      {from === "text" ? (
        <textarea
          class="input"
          aria-label={`${props.label}, as ${props.encoding === "utf8" ? "text" : "base64"}`}
          aria-invalid={wrong !== ""}
          spellcheck={false}
          onInput={(event) => onText(event.currentTarget.value)}
        />
      ) : (
        <input
          type="file"
          class="input"
          aria-label={`${props.label}, as a file`}
          onChange={(event) => onFile(event.currentTarget.files?.[0] ?? null)}
        />
      )}
      {wrong === "" ? null : (
        <span class="small bad-text" role="alert">
          {wrong}
        </span>
      )}
    </fieldset>
  );
}

/** The bytes of base64 (either alphabet, padded or not, spaces allowed), or null if it is none. */
export function parseBase64(text: string): Uint8Array<ArrayBuffer> | null {
  const compact = text.replace(/\s+/g, "");
  return compact === "" ? null : decodeEitherBase64(compact);
}

function base64Blob(text: string): Blob | null {
  const bytes = parseBase64(text);
  return bytes === null ? null : new Blob([bytes]);
}
