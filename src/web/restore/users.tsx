/**
 * The users of the restored HSM, with the lock state they had when the backup was made.
 */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { type Column, DataTable } from "../design/data-table.tsx";
import { SearchField } from "../design/fields.tsx";
import { countText } from "../design/format.ts";
import type { ShownSession, ShownUser } from "../engine/shown.ts";

const ROLE: Readonly<Record<string, string>> = {
  PRECO: "before activation",
  CO: "crypto officer",
  CU: "crypto user",
  AU: "appliance user",
};

/** A role as CloudHSM writes it, with its meaning. */
function roleText(role: string): string {
  const meaning = ROLE[role];
  return meaning === undefined ? role : `${role} (${meaning})`;
}

function stateCell(user: ShownUser): JSX.Element {
  if (user.locked) return <span class="chip bad">Locked</span>;
  if (user.failures > 0)
    return (
      <span class="chip warn">{countText(user.failures, "failed login", "failed logins")}</span>
    );
  return <span class="chip">Open</span>;
}

function columnsFor(props: {
  session: ShownSession | null;
  onLogin: (name: string) => void;
}): Column<ShownUser>[] {
  return [
    { id: "name", label: "Name", cell: (user) => user.name, order: (user) => user.name },
    { id: "role", label: "Role", cell: (user) => roleText(user.role), order: (user) => user.role },
    {
      id: "state",
      label: "State",
      cell: stateCell,
      order: (user) => (user.locked ? 1000 : user.failures),
    },
    {
      id: "keys",
      label: "Keys owned",
      cell: (user) => user.keysOwned.toLocaleString("en"),
      order: (user) => user.keysOwned,
      shape: "number",
    },
    {
      id: "login",
      label: "Log in",
      cell: (user) =>
        user.role === "AU" ? (
          <span class="soft">not for people</span>
        ) : props.session?.userName === user.name ? (
          <span class="chip good">Logged in</span>
        ) : (
          <button type="button" class="button compact" onClick={() => props.onLogin(user.name)}>
            Log in
            <span class="unseen"> as {user.name}</span>
          </button>
        ),
    },
  ];
}

/** From this many users on, searching is quicker than looking. */
const SEARCH_FROM = 10;

export function Users(props: {
  users: readonly ShownUser[];
  session: ShownSession | null;
  onLogin: (name: string) => void;
}): JSX.Element {
  const [text, setText] = useState("");
  const columns = useMemo(
    () => columnsFor({ session: props.session, onLogin: props.onLogin }),
    [props.session, props.onLogin],
  );
  const rows = useMemo(
    () => props.users.filter((user) => user.name.includes(text.trim().toLowerCase())),
    [props.users, text],
  );
  return (
    <div class="stack">
      <p class="soft">
        Users keep the passwords, roles and locks they had. Failed logins count here as they would
        on an HSM, in this page's copy only.
      </p>
      {props.users.length < SEARCH_FROM ? null : (
        <search class="filters">
          <SearchField label="Search by name" text={text} hint="" onText={setText} />
        </search>
      )}
      <DataTable
        caption="Users in this backup"
        noun={["user", "users"]}
        columns={columns}
        rows={rows}
        rowKey={(user) => user.id}
        empty="No user has a name like that."
      />
    </div>
  );
}
