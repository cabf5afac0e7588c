/**
 * The facts of a verified backup: where it comes from, what it follows, how to recognise it.
 */
import type { JSX } from "preact";
import { countText, sizeText, timeText } from "../design/format.ts";
import { Notice } from "../design/notice.tsx";
import { Digest, type Fact, Plate } from "../design/plate.tsx";
import type { ShownBackup, ShownContents } from "../engine/shown.ts";

const mono = (text: string): JSX.Element => <span class="mono">{text}</span>;

function madeFacts(facts: ShownBackup): Fact[] {
  return [
    { name: "Made", value: timeText(facts.createdAtMs) },
    { name: "Backup", value: mono(facts.backupId) },
    { name: "Cluster", value: mono(facts.clusterId) },
    { name: "Region", value: facts.region },
    { name: "HSM type", value: facts.hsmType },
    { name: "Mode", value: facts.mode },
    { name: "Manufacturer", value: facts.manufacturer },
    { name: "Number in the chain", value: facts.chainNumber.toLocaleString("en") },
    { name: "Lineage", value: mono(facts.lineageId) },
    {
      name: "File",
      value: `${sizeText(facts.fileBytes)}, ${facts.sealed ? "sealed" : "not sealed"}`,
    },
    {
      name: "This copy was held at",
      value: facts.heldAt === null ? "not stated" : mono(facts.heldAt),
      wide: true,
    },
  ];
}

function digestFacts(facts: ShownBackup): Fact[] {
  const previous =
    facts.previousDigest === "" ? (
      "none: this is the first of its lineage"
    ) : (
      <Digest hex={facts.previousDigest} label="Copy the digest of the backup before" />
    );
  return [
    {
      name: "State digest (equal digests mean equal contents)",
      value: <Digest hex={facts.stateDigest} label="Copy the state digest" />,
      wide: true,
    },
    {
      name: "Container digest (what the next backup in the chain names)",
      value: <Digest hex={facts.containerDigest} label="Copy the container digest" />,
      wide: true,
    },
    { name: "Digest of the backup before", value: previous, wide: true },
  ];
}

/** By what a person recognises a backup. */
/** Nothing where the kit knows no newer backup. */
export function NewerKnown(props: { facts: ShownBackup }): JSX.Element | null {
  const { chainNumber, newerKnown } = props.facts;
  if (newerKnown === null) return null;
  return (
    <Notice tone="warn" title="A newer backup is known">
      <p>
        This is backup {chainNumber} of its cluster, and the recovery kit knows of backup{" "}
        {newerKnown}. Look for that one first, if you want the newest state.
      </p>
    </Notice>
  );
}

export function IdentityPlate(props: { facts: ShownBackup }): JSX.Element {
  const { facts } = props;
  return (
    <Plate
      facts={[
        { name: "Made", value: timeText(facts.createdAtMs) },
        { name: "Region", value: facts.region },
        { name: "Cluster", value: mono(facts.clusterId) },
        { name: "Backup", value: mono(facts.backupId) },
        {
          name: "State digest",
          value: <Digest hex={facts.stateDigest} label="Copy the state digest" />,
          wide: true,
        },
      ]}
    />
  );
}

function contentsText(contents: ShownContents): string {
  const users = countText(contents.users.length, "user", "users");
  const keys = countText(contents.keys.length, "key", "keys");
  const locked = contents.users.filter((user) => user.locked).length;
  const kept = contents.keys.filter((key) => !key.extractable && key.keyClass !== "public").length;
  return [
    locked === 0 ? users : `${users}, ${locked} locked`,
    `${keys}, ${kept.toLocaleString("en")} of them not extractable`,
    countText(contents.certificates.length, "certificate", "certificates"),
  ].join("; ");
}

export function Overview(props: { facts: ShownBackup; contents: ShownContents }): JSX.Element {
  return (
    <div class="stack">
      <p>This backup holds {contentsText(props.contents)}.</p>
      <NewerKnown facts={props.facts} />
      <Plate facts={[...madeFacts(props.facts), ...digestFacts(props.facts)]} />
    </div>
  );
}
