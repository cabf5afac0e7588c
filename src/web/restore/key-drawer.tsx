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
import type { KeyView, SessionView } from "../engine/views.ts";
import { KeyExport, type KeyExportOperation } from "./key-export.tsx";
import { type KeyOperations, UseKey, VerifySignature } from "./key-uses.tsx";
import { AttributeChips } from "./keys.tsx";

type Use = "sign" | "verify" | "encrypt" | "decrypt" | "export";

function usesOf(key: KeyView): Tab<Use>[] {
  const tabs: Tab<Use>[] = [];
  if (key.signsWith.length > 0) tabs.push({ id: "sign", label: "Sign" });
  if (key.verifiesWith.length > 0) tabs.push({ id: "verify", label: "Verify" });
  if (key.encryptsWith.length > 0) tabs.push({ id: "encrypt", label: "Encrypt" });
  if (key.decryptsWith.length > 0) tabs.push({ id: "decrypt", label: "Decrypt" });
  if (key.exportsAs.length > 0) tabs.push({ id: "export", label: "Export" });
  return tabs;
}

function KeyFacts(props: { keyView: KeyView }): JSX.Element {
  const { keyView } = props;
  return (
    <Facts
      facts={[
        { name: "Type", value: `${keyView.kind}, ${keyView.keyClass} key` },
        { name: "Owner", value: keyView.owner },
        {
          name: "Shared with",
          value: keyView.sharedWith.length === 0 ? "nobody" : keyView.sharedWith.join(", "),
        },
        { name: "Handle", value: <span class="mono">{keyView.handle}</span> },
        { name: "Id", value: <span class="mono">{keyView.idHex || "none"}</span> },
        { name: "Check value", value: <span class="mono">{keyView.checkValue || "none"}</span> },
        { name: "Attributes", value: <AttributeChips attributes={keyView.attributes} /> },
        ...(keyView.publicPem === ""
          ? []
          : [
              {
                name: "Public key",
                value: (
                  <SaveButton
                    label="Save as PEM"
                    name={`public-key-${keyView.handle}.pem`}
                    content={() => new Blob([keyView.publicPem])}
                  />
                ),
              },
            ]),
      ]}
    />
  );
}

function Uses(props: {
  keyView: KeyView;
  operations: KeyOperations & KeyExportOperation;
}): JSX.Element {
  const { keyView, operations } = props;
  const tabs = usesOf(keyView);
  const [current, setCurrent] = useState<Use>(tabs[0]?.id ?? "export");
  if (tabs.length === 0) {
    return (
      <Notice tone="note" title="Nothing can be done with this key here">
        <p>Its attributes allow neither signing nor encrypting, and it has no form to leave in.</p>
      </Notice>
    );
  }
  const panels: Readonly<Record<Use, () => JSX.Element>> = {
    sign: () => (
      <UseKey
        key="sign"
        use="sign"
        keyView={keyView}
        mechanisms={keyView.signsWith}
        operations={operations}
      />
    ),
    verify: () => <VerifySignature keyView={keyView} operations={operations} />,
    encrypt: () => (
      <UseKey
        key="encrypt"
        use="encrypt"
        keyView={keyView}
        mechanisms={keyView.encryptsWith}
        operations={operations}
      />
    ),
    decrypt: () => (
      <UseKey
        key="decrypt"
        use="decrypt"
        keyView={keyView}
        mechanisms={keyView.decryptsWith}
        operations={operations}
      />
    ),
    export: () => <KeyExport keyView={keyView} operation={operations} />,
  };
  return (
    <Tabs label="Uses of this key" tabs={tabs} current={current} onChange={setCurrent}>
      {panels[current]()}
    </Tabs>
  );
}

export function KeyDrawer(props: {
  keyView: KeyView;
  session: SessionView | null;
  operations: KeyOperations & KeyExportOperation;
  onLogin: () => void;
  onClose: () => void;
}): JSX.Element {
  const { keyView, session } = props;
  const title = keyView.label === "" ? `Key ${keyView.handle}` : keyView.label;
  return (
    <Dialog title={title} shape="drawer" onClose={props.onClose}>
      <div class="stack-l">
        <KeyFacts keyView={keyView} />
        {session === null ? (
          <Notice tone="note" title="Log in to use this key">
            <p>
              Only a crypto user who owns it or whom it is shared with may use it:{" "}
              {[keyView.owner, ...keyView.sharedWith].join(", ")}.
            </p>
            <div>
              <button type="button" class="button main compact" onClick={props.onLogin}>
                Log in
              </button>
            </div>
          </Notice>
        ) : (
          <Uses key={keyView.handle} keyView={keyView} operations={props.operations} />
        )}
      </div>
    </Dialog>
  );
}
