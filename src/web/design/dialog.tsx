/**
 * A modal dialog on the platform's own element: focus stays inside, Escape closes, focus returns.
 */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Icon } from "./icons.tsx";

export function Dialog(props: {
  title: string;
  shape: "drawer" | "card";
  onClose: () => void;
  children: ComponentChildren;
}): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const dialog = element.current;
    const opener = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  const closeOnBackdrop = (event: MouseEvent): void => {
    if (event.target === element.current) props.onClose();
  };
  return (
    <dialog
      ref={element}
      class={props.shape}
      aria-labelledby={titleId}
      onMouseDown={closeOnBackdrop}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
    >
      <div class="dialog-head">
        <h2 id={titleId}>{props.title}</h2>
        <button type="button" class="button compact plain push" onClick={props.onClose}>
          <Icon name="close" size={18} />
          <span class="unseen">Close</span>
        </button>
      </div>
      <div class="dialog-body">{props.children}</div>
    </dialog>
  );
}
