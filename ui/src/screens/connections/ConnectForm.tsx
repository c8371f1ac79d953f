import { useSuspenseQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type {
  AuthMethodView,
  ConnectionDetail,
  ConnectorSummary,
  SamplePlatforms,
  StartConnect,
} from "@/api/bindings";
import type { BackendError } from "@/api/errors";
import { appStatus, connector as connectorQuery } from "@/api/queries";
import { Button } from "@/components/Button";
import { Sheet } from "@/components/Dialog";
import { Field, Input } from "@/components/Field";
import { Monogram } from "@/components/Monogram";
import { Callout, Problem } from "@/components/Problem";
import { AccountFields } from "@/form/AccountFields";
import { focusField, useAccountForm } from "@/form/use-account-form";

type Props = {
  connector: ConnectorSummary;
  existing: ConnectionDetail | undefined;
  error: BackendError | null;
  busy: boolean;
  onSubmit: (request: StartConnect) => void;
  onClose: () => void;
};

/** What has to be filled in before a sign-in: made from what the connector declares. */
export function ConnectForm({ connector, existing, error, busy, onSubmit, onClose }: Props) {
  const { data: status } = useSuspenseQuery(appStatus());
  const { data: detail } = useSuspenseQuery(connectorQuery(connector.id));
  const form = useAccountForm(detail, existing);
  const [name, setName] = useState("");
  const { method } = form;
  // At a page of the platform, in this browser or on another device.
  const signsInElsewhere = form.opensBrowser || method?.kind === "device";
  const formId = `connect-${connector.id}`;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const filled = form.submit();
    if (!filled.ok) {
      focusField(filled.first);
      return;
    }
    onSubmit({
      connector: connector.id,
      auth_method: filled.auth_method,
      name: name.trim(),
      config: filled.config,
      reconnect: existing?.summary.id ?? null,
    });
  };

  return (
    <Sheet
      title={
        <span className="flex items-center gap-2.5">
          <Monogram text={connector.monogram} color={connector.color} />
          {existing === undefined
            ? `Connect ${connector.name}`
            : `Sign in to ${existing.summary.name} again`}
        </span>
      }
      description={connector.summary}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" form={formId} busy={busy}>
            {signsInElsewhere && method !== undefined ? method.label : "Connect"}
          </Button>
        </>
      }
    >
      <form id={formId} noValidate onSubmit={submit} onBlur={form.leave} className="grid gap-4">
        {existing?.summary.account && (
          <Callout tone="info" title={`Sign in as ${existing.summary.account}`}>
            The syncs of this connection go on where they stopped; nothing has to be set up again.
          </Callout>
        )}
        <SampleLogin connector={connector} sample={status.sample ?? null} />
        <AccountFields form={form} oauth={detail.oauth ?? null} />
        {existing === undefined && (
          <Field
            label="Name in Patchbay"
            hint="To tell two accounts apart. Empty: taken from the account."
          >
            {(control) => (
              <Input
                {...control}
                value={name}
                placeholder={connector.name}
                onChange={(event) => setName(event.currentTarget.value)}
              />
            )}
          </Field>
        )}
        {method !== undefined && method.scopes.length > 0 && <Scopes method={method} />}
        {form.opensBrowser ? (
          <p className="m-0 text-sm text-ink3">
            A page of {connector.name} opens in your browser. Your password stays there; what{" "}
            {connector.name} hands out is kept on this computer: {status.secrets_backend}.
          </p>
        ) : (
          method?.kind !== "device" && (
            <p className="m-0 text-sm text-ink3">
              Passwords and keys are kept on this computer, apart from everything else:{" "}
              {status.secrets_backend}.
            </p>
          )
        )}
        {method?.kind === "device" && (
          <p className="m-0 text-sm text-ink3">
            You get a short code and type it in at a page of {connector.name}, on this computer or
            on any other device. What {connector.name} hands out is kept on this computer:{" "}
            {status.secrets_backend}.
          </p>
        )}
        {error !== null && <Problem error={error} />}
      </form>
    </Sheet>
  );
}

function SampleLogin({
  connector,
  sample,
}: {
  connector: ConnectorSummary;
  sample: SamplePlatforms | null;
}) {
  if (!connector.is_sample) {
    return null;
  }
  if (sample === null) {
    return (
      <Callout tone="warn" title="The sample platforms are not running">
        Start them on the overview, then connect.
      </Callout>
    );
  }
  const login = connector.id.includes("harbor") ? sample.harbor_login : sample.postino_login;
  return (
    <Callout tone="info" title="A sample platform on this computer">
      Sign in there as <span className="font-mono text-sm text-ink select-all">{login}</span>
    </Callout>
  );
}

function Scopes({ method }: { method: AuthMethodView }) {
  return (
    <details className="rounded-lg border border-line px-3 py-2">
      <summary className="font-strong">What will be asked for</summary>
      <ul className="mt-2 mb-0 grid list-none gap-1.5 p-0">
        {method.scopes.map((scope) => (
          <li key={scope.name}>
            <code className="font-mono text-sm">{scope.name}</code>
            <span className="block text-sm text-ink3">{scope.reason}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
