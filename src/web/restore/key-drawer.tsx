/**
 * One key: its facts, and what the user who is logged in may do with it.
 */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { SaveButton } from "../design/copy-button.tsx";
import { Dialog } from "../design/dialog.tsx";
import { Notice } from "../design/notice.tsx";
import { Facts } from "../design/plate.tsx";
import { type Tab, Tabs } from "../design/tabs.tsx";
import type { KeyCalls } from "../engine/calls.ts";
import type { ShownKey, ShownSession } from "../engine/shown.ts";
import { KeyExport } from "./key-export.tsx";
import { type BytesUse, UseKey, VerifySignature } from "./key-uses.tsx";
import { AttributeChips } from "./keys.tsx";

type Use = "sign" | "verify" | "encrypt" | "decrypt" | "export";

function usesOf(key: ShownKey): Tab<Use>[] {
  const tabs: Tab<Use>[] = [];
  if (key.signsWith.length > 0) tabs.push({ id: "sign", label: "Sign" });
  if (key.verifiesWith.length > 0) tabs.push({ id: "verify", label: "Verify" });
  if (key.encryptsWith.length > 0) tabs.push({ id: "encrypt", label: "Encrypt" });
  if (key.decryptsWith.length > 0) tabs.push({ id: "decrypt", label: "Decrypt" });
  if (key.exportsAs.length > 0) tabs.push({ id: "export", label: "Export" });
  return tabs;
}

function KeyFacts(props: { shownKey: ShownKey }): JSX.Element {
  const { shownKey } = props;
  return (
    <Facts
      facts={[
        { name: "Type", value: `${shownKey.kind}, ${shownKey.keyClass} key` },
        { name: "Owner", value: shownKey.owner },
        {
          name: "Shared with",
          value: shownKey.sharedWith.length === 0 ? "nobody" : shownKey.sharedWith.join(", "),
        },
        { name: "Handle", value: <span class="mono">{shownKey.handle}</span> },
        { name: "Id", value: <span class="mono">{shownKey.idHex || "none"}</span> },
        { name: "Check value", value: <span class="mono">{shownKey.checkValue || "none"}</span> },
        { name: "Attributes", value: <AttributeChips attributes={shownKey.attributes} /> },
        ...(shownKey.publicPem === ""
          ? []
          : [
              {
                name: "Public key",
                value: (
                  <SaveButton
                    label="Save as PEM"
                    name={`public-key-${shownKey.handle}.pem`}
                    content={() => new Blob([shownKey.publicPem])}
                  />
                ),
              },
            ]),
      ]}
    />
  );
}

function Uses(props: { shownKey: ShownKey; calls: KeyCalls }): JSX.Element {
  const { shownKey, calls } = props;
  const tabs = usesOf(shownKey);
  const [current, setCurrent] = useState<Use>(tabs[0]?.id ?? "export");
  if (tabs.length === 0) {
    return (
      <Notice tone="note" title="Nothing can be done with this key here">
        <p>Its attributes allow neither signing nor encrypting, and it has no form to leave in.</p>
      </Notice>
    );
  }
  const bytesUse = (use: BytesUse, mechanisms: readonly string[]): JSX.Element => (
    <UseKey key={use} use={use} shownKey={shownKey} mechanisms={mechanisms} calls={calls} />
  );
  const panels: Readonly<Record<Use, () => JSX.Element>> = {
    sign: () => bytesUse("sign", shownKey.signsWith),
    verify: () => <VerifySignature shownKey={shownKey} calls={calls} />,
    encrypt: () => bytesUse("encrypt", shownKey.encryptsWith),
    decrypt: () => bytesUse("decrypt", shownKey.decryptsWith),
    export: () => <KeyExport shownKey={shownKey} calls={calls} />,
  };
  return (
    <Tabs label="Uses of this key" tabs={tabs} current={current} onChange={setCurrent}>
      {panels[current]()}
    </Tabs>
  );
}

export function KeyDrawer(props: {
  shownKey: ShownKey;
  session: ShownSession | null;
  calls: KeyCalls;
  onLogin: () => void;
  onClose: () => void;
}): JSX.Element {
  const { shownKey, session } = props;
  const title = shownKey.label === "" ? `Key ${shownKey.handle}` : shownKey.label;
  return (
    <Dialog title={title} shape="drawer" onClose={props.onClose}>
      <div class="stack-l">
        <KeyFacts shownKey={shownKey} />
        {session === null ? (
          <Notice tone="note" title="Log in to use this key">
            <p>
              Only a crypto user who owns it or whom it is shared with may use it:{" "}
              {[shownKey.owner, ...shownKey.sharedWith].join(", ")}.
            </p>
            <div>
              <button type="button" class="button main compact" onClick={props.onLogin}>
                Log in
              </button>
            </div>
          </Notice>
        ) : (
          <Uses key={shownKey.handle} shownKey={shownKey} calls={props.calls} />
        )}
      </div>
    </Dialog>
  );
}
