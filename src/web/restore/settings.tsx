/**
 * Policies and configuration of the restored cluster, as named settings.
 */
import type { JSX } from "preact";
import { SaveButton } from "../design/copy-button.tsx";
import { Facts } from "../design/plate.tsx";
import type { ShownContents, ShownSetting } from "../engine/shown.ts";

function Value(props: { setting: ShownSetting }): JSX.Element {
  const { value, saveAs } = props.setting;
  if (saveAs === undefined) return <>{value}</>;
  return (
    <div class="stack">
      <pre class="pem">{value}</pre>
      <div>
        <SaveButton
          label={`Save as ${saveAs}`}
          name={saveAs}
          content={() => new Blob([value], { type: "application/x-pem-file" })}
        />
      </div>
    </div>
  );
}

function Group(props: { title: string; settings: readonly ShownSetting[] }): JSX.Element {
  return (
    <section class="panel stack">
      <h3>{props.title}</h3>
      {props.settings.length === 0 ? (
        <p class="soft">Nothing is set.</p>
      ) : (
        <Facts
          facts={props.settings.map((setting) => ({
            name: setting.name,
            value: <Value setting={setting} />,
          }))}
        />
      )}
    </section>
  );
}

export function Settings(props: { contents: ShownContents }): JSX.Element {
  return (
    <div class="stack">
      <Group title="Policies" settings={props.contents.policies} />
      <Group title="Configuration" settings={props.contents.configuration} />
    </div>
  );
}
