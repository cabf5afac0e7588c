/**
 * A place to drop or choose one file. The button is a real file input, so keyboards and readers
 * work.
 */
import type { ComponentChildren, JSX } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons.tsx";

export function DropZone(props: {
  title: string;
  icon: IconName;
  hint: string;
  accept?: string;
  file: File | null;
  state: "open" | "filled" | "refused";
  onFile: (file: File) => void;
  actions?: ComponentChildren;
  children?: ComponentChildren;
}): JSX.Element {
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer?.files[0];
    if (file !== undefined) props.onFile(file);
  };
  const onChange = (): void => {
    const file = input.current?.files?.[0];
    if (file !== undefined) props.onFile(file);
    if (input.current !== null) input.current.value = ""; // The same file may be chosen again.
  };
  return (
    <section
      class={`drop ${props.state} ${over ? "over" : ""}`}
      aria-labelledby={`${id}-title`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      <div class="row">
        <Icon name={props.icon} size={24} />
        <h2 id={`${id}-title`} class="drop-title">
          {props.title}
        </h2>
      </div>
      <p id={`${id}-hint`} class="soft">
        {props.hint}
      </p>
      {props.children}
      <div class="drop-actions">
        <input
          ref={input}
          id={id}
          class="unseen"
          type="file"
          aria-describedby={`${id}-hint`}
          onChange={onChange}
        />
        <label class={`button ${props.state === "filled" ? "" : "main"}`} for={id}>
          {props.file === null ? "Choose a file" : "Choose another"}
          <span class="unseen"> for {props.title}</span>
        </label>
        {props.actions}
      </div>
    </section>
  );
}
