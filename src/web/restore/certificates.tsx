/**
 * The certificates of the restored HSM, with those out of date marked against this machine's clock.
 */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { SaveButton } from "../design/copy-button.tsx";
import { type Column, DataTable } from "../design/data-table.tsx";
import { dateText } from "../design/format.ts";
import type { ShownCertificate } from "../engine/shown.ts";

function validity(certificate: ShownCertificate, nowMs: number): JSX.Element {
  const span = `${dateText(certificate.notBeforeMs)} to ${dateText(certificate.notAfterMs)}`;
  const mark =
    certificate.notAfterMs < nowMs ? (
      <span class="chip bad">Expired</span>
    ) : certificate.notBeforeMs > nowMs ? (
      <span class="chip warn">Not yet valid</span>
    ) : null;
  return (
    <>
      {span} {mark}
    </>
  );
}

function columnsAt(nowMs: number): Column<ShownCertificate>[] {
  return [
    {
      id: "subject",
      label: "Subject",
      cell: (certificate) => certificate.subject,
      order: (certificate) => certificate.subject,
    },
    {
      id: "issuer",
      label: "Issuer",
      cell: (certificate) =>
        certificate.issuer === certificate.subject ? (
          <span class="soft">itself</span>
        ) : (
          certificate.issuer
        ),
      order: (certificate) => certificate.issuer,
    },
    {
      id: "validity",
      label: "Valid",
      cell: (certificate) => validity(certificate, nowMs),
      order: (certificate) => certificate.notAfterMs,
    },
    {
      id: "fingerprint",
      label: "SHA-256",
      cell: (certificate) => (
        <span class="mono" title={certificate.fingerprint}>
          {certificate.fingerprint.slice(0, 16)}…
        </span>
      ),
    },
    {
      id: "save",
      label: "PEM",
      cell: (certificate) => (
        <SaveButton
          label="Save"
          name={`certificate-${certificate.id}.pem`}
          content={() => new Blob([certificate.pem], { type: "application/x-pem-file" })}
        />
      ),
    },
  ];
}

export function Certificates(props: { certificates: readonly ShownCertificate[] }): JSX.Element {
  const columns = useMemo(() => columnsAt(Date.now()), []);
  return (
    <DataTable
      caption="Certificates in this backup"
      noun={["certificate", "certificates"]}
      columns={columns}
      rows={props.certificates}
      rowKey={(certificate) => certificate.id}
      empty="There are no certificates in this backup."
    />
  );
}
