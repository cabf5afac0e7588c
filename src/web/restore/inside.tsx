/**
 * Steps 3 and 4: what the backup holds, and working with it as one of its users.
 */
import type { JSX } from "preact";
import { useCallback, useState } from "preact/hooks";
import { type Tab, Tabs } from "../design/tabs.tsx";
import type { KeyCalls } from "../engine/calls.ts";
import type { OpenedBackup, ShownContents, ShownRefusal, ShownSession } from "../engine/shown.ts";
import { Certificates } from "./certificates.tsx";
import { KeyDrawer } from "./key-drawer.tsx";
import { Keys } from "./keys.tsx";
import { Login } from "./login.tsx";
import { Overview } from "./overview.tsx";
import { Settings } from "./settings.tsx";
import { Users } from "./users.tsx";

type Section = "overview" | "users" | "keys" | "certificates" | "settings";

function sectionsOf(contents: ShownContents): Tab<Section>[] {
  return [
    { id: "overview", label: "Overview" },
    { id: "users", label: "Users", count: contents.users.length },
    { id: "keys", label: "Keys", count: contents.keys.length },
    { id: "certificates", label: "Certificates", count: contents.certificates.length },
    { id: "settings", label: "Policies and configuration" },
  ];
}

export function Inside(props: {
  opened: OpenedBackup;
  session: ShownSession | null;
  calls: KeyCalls;
  onLogin: (name: string, password: string) => Promise<ShownRefusal | null>;
}): JSX.Element {
  const { session } = props;
  const { facts, contents } = props.opened;
  const [section, setSection] = useState<Section>("overview");
  const [openHandle, setOpenHandle] = useState<number | null>(null);
  const [loginName, setLoginName] = useState<string | null>(null);
  const askLogin = useCallback((name: string) => setLoginName(name), []);
  const openKey = useCallback((key: { handle: number }) => setOpenHandle(key.handle), []);
  const open = contents.keys.find((key) => key.handle === openHandle);
  return (
    <div class="stack-l">
      <div class="stack">
        <h1>Inside the backup</h1>
        <p class="soft">
          A copy of the HSM's memory, restored in this page. Nothing done here changes the backup.
        </p>
      </div>
      <Tabs
        label="Contents of the backup"
        tabs={sectionsOf(contents)}
        current={section}
        onChange={setSection}
      >
        {section === "overview" ? <Overview facts={facts} contents={contents} /> : null}
        {section === "users" ? (
          <Users users={contents.users} session={session} onLogin={askLogin} />
        ) : null}
        {section === "keys" ? <Keys keys={contents.keys} onOpen={openKey} /> : null}
        {section === "certificates" ? <Certificates certificates={contents.certificates} /> : null}
        {section === "settings" ? <Settings contents={contents} /> : null}
      </Tabs>
      {open === undefined ? null : (
        <KeyDrawer
          shownKey={open}
          session={session}
          calls={props.calls}
          onLogin={() => setLoginName(open.owner)}
          onClose={() => setOpenHandle(null)}
        />
      )}
      {loginName === null ? null : (
        <Login name={loginName} onLogin={props.onLogin} onClose={() => setLoginName(null)} />
      )}
    </div>
  );
}
