/**
 * Fields under their labels: any control, a choice of several, a search as one types.
 */
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

/** @param props.children - the control, which takes the id that its label names. */
export function Field(props: {
  label: string;
  children: (id: string) => ComponentChildren;
}): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label class="label" for={id}>
        {props.label}
      </label>
      {props.children(id)}
    </div>
  );
}

/** @param props.children - its options. */
export function Choice(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <Field label={props.label}>
      {(id) => (
        <select
          id={id}
          class="input"
          value={props.value}
          onChange={(event) => props.onChange(event.currentTarget.value)}
        >
          {props.children}
        </select>
      )}
    </Field>
  );
}

/** One option for each value, which is also what it shows. */
export function options(values: readonly string[]): JSX.Element[] {
  return values.map((value) => (
    <option key={value} value={value}>
      {value}
    </option>
  ));
}

export function SearchField(props: {
  label: string;
  hint: string;
  text: string;
  onText: (text: string) => void;
}): JSX.Element {
  return (
    <Field label={props.label}>
      {(id) => (
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
      )}
    </Field>
  );
}
