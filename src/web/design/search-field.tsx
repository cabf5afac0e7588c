/**
 * A labelled field that filters as one types.
 */
import type { JSX } from "preact";
import { useId } from "preact/hooks";

export function SearchField(props: {
  label: string;
  hint: string;
  text: string;
  onText: (text: string) => void;
}): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label class="label" for={id}>
        {props.label}
      </label>
      <input
        id={id}
        class="input"
        type="search"
        autocomplete="off"
        spellcheck={false}
        placeholder={props.hint}
        value={props.text}
        onInput={(event) => props.onText(event.currentTarget.value)}
      />
    </div>
  );
}
