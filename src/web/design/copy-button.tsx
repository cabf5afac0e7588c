/**
 * Copies a text to the clipboard and says so; the file way out is `SaveButton`.
 */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { Icon } from "./icons.tsx";

/** Where the clipboard is refused (some browsers on file://), the old command on a hidden field. */
async function copyText(text: string, near: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "unseen";
    near.append(field); // Beside the button: a modal dialog makes the rest of the page inert.
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }
}

export function CopyButton(props: { text: string; label: string; wide?: boolean }): JSX.Element {
  const [said, say] = useState<string | null>(null);
  const holder = useRef<HTMLSpanElement>(null);
  const onClick = async (): Promise<void> => {
    if (holder.current === null) return;
    say((await copyText(props.text, holder.current)) ? "Copied" : "Copying was refused");
    setTimeout(() => say(null), 2000);
  };
  return (
    <span ref={holder} class="copy">
      <button
        type="button"
        class={props.wide === true ? "button compact" : "button compact plain"}
        onClick={() => void onClick()}
      >
        <Icon name="copy" size={16} />
        {props.wide === true ? props.label : <span class="unseen">{props.label}</span>}
      </button>
      <span class="small soft" role="status">
        {said}
      </span>
    </span>
  );
}

/** Hands a file to the browser's own download; works offline and from file://. */
export function SaveButton(props: {
  content: () => Blob;
  name: string;
  label: string;
  main?: boolean;
}): JSX.Element {
  const onClick = (): void => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(props.content());
    link.download = props.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 30_000);
  };
  return (
    <button
      type="button"
      class={`button compact ${props.main === true ? "main" : ""}`}
      onClick={onClick}
    >
      <Icon name="save" size={16} />
      {props.label}
    </button>
  );
}
