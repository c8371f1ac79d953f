import { useSuspenseQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type {
  AuthMethodView,
  ConfigField,
  ConnectionDetail,
  ConnectorSummary,
  SamplePlatforms,
  StartConnect,
} from "@/api/bindings";
import type { BackendError } from "@/api/errors";
import { appStatus } from "@/api/queries";
import { Button } from "@/components/Button";
import { Sheet } from "@/components/Dialog";
import { Field, Input, Textarea } from "@/components/Field";
import { Monogram } from "@/components/Monogram";
import { Callout, Problem } from "@/components/Problem";

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
  const [methodName, setMethodName] = useState(
    existing?.auth_method ?? connector.auth[0]?.name ?? "",
  );
  const [name, setName] = useState("");
  // What is known may change while the form is open (the sample platforms get their address when they start):
  // only what was typed is kept here.
  const [typed, setTyped] = useState<Record<string, string>>({});
  const values = { ...defaults(connector, existing), ...typed };
  const [missing, setMissing] = useState<ReadonlySet<string>>(new Set());
  const method = connector.auth.find((each) => each.name === methodName) ?? connector.auth[0];
  const fields = [...connector.config, ...(method?.fields ?? [])];
  const formId = `connect-${connector.id}`;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const empty = fields.filter((field) => field.required && !values[field.name]?.trim());
    setMissing(new Set(empty.map((field) => field.name)));
    const first = empty[0];
    if (first !== undefined) {
      document.getElementsByName(first.name)[0]?.focus();
      return;
    }
    if (method === undefined) {
      return;
    }
    const wanted = new Set(fields.map((field) => field.name));
    onSubmit({
      connector: connector.id,
      auth_method: method.name,
      name: name.trim(),
      config: Object.fromEntries(
        Object.entries(values).filter(([key, value]) => wanted.has(key) && value !== ""),
      ),
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
            {method?.kind === "browser" || method?.kind === "device" ? method.label : "Connect"}
          </Button>
        </>
      }
    >
      <form id={formId} noValidate onSubmit={submit} className="grid gap-4">
        {existing?.summary.account && (
          <Callout tone="info" title={`Sign in as ${existing.summary.account}`}>
            The syncs of this connection go on where they stopped; nothing has to be set up again.
          </Callout>
        )}
        <SampleLogin connector={connector} sample={status.sample ?? null} />
        {connector.auth.length > 1 && (
          <MethodChoice methods={connector.auth} chosen={method?.name} onChoose={setMethodName} />
        )}
        {fields.map((field) => (
          <ConfigInput
            key={field.name}
            field={field}
            value={values[field.name] ?? ""}
            error={missing.has(field.name) ? `${field.label} is needed` : null}
            onChange={(value) => setTyped((old) => ({ ...old, [field.name]: value }))}
          />
        ))}
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
        {method?.kind === "browser" && (
          <p className="m-0 text-sm text-ink3">
            A page of {connector.name} opens in your browser. Your password stays there; what{" "}
            {connector.name} hands out is kept on this computer ({status.secrets_backend}).
          </p>
        )}
        {method?.kind === "device" && (
          <p className="m-0 text-sm text-ink3">
            You get a short code and type it in at a page of {connector.name}, on this computer or
            on any other device. What {connector.name} hands out is kept on this computer (
            {status.secrets_backend}).
          </p>
        )}
        {error !== null && <Problem error={error} />}
      </form>
    </Sheet>
  );
}

function defaults(
  connector: ConnectorSummary,
  existing: ConnectionDetail | undefined,
): Record<string, string> {
  const all = [...connector.config, ...connector.auth.flatMap((method) => method.fields)];
  const values: Record<string, string> = {};
  for (const field of all) {
    const kept = existing?.config.find((each) => each.name === field.name)?.value;
    const value = kept ?? field.default ?? "";
    if (value !== "") {
      values[field.name] = value;
    }
  }
  return values;
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

type MethodProps = {
  methods: AuthMethodView[];
  chosen: string | undefined;
  onChoose: (name: string) => void;
};

function MethodChoice({ methods, chosen, onChoose }: MethodProps) {
  return (
    <fieldset className="m-0 grid gap-1.5 border-0 p-0">
      <legend className="mb-1 p-0 font-strong">How to sign in</legend>
      {methods.map((each) => (
        <label
          key={each.name}
          className="flex items-center gap-2 rounded-md border border-line px-3 py-2 has-checked:border-accent has-checked:bg-accent-soft"
        >
          <input
            type="radio"
            name="auth-method"
            value={each.name}
            checked={each.name === chosen}
            onChange={() => onChoose(each.name)}
            className="accent-accent"
          />
          {each.label}
        </label>
      ))}
    </fieldset>
  );
}

type InputProps = {
  field: ConfigField;
  value: string;
  error: string | null;
  onChange: (value: string) => void;
};

function ConfigInput({ field, value, error, onChange }: InputProps) {
  return (
    <Field label={field.label} hint={field.description} error={error} required={field.required}>
      {(control) =>
        field.lines ? (
          <Textarea
            {...control}
            name={field.name}
            rows={5}
            autoComplete="off"
            className="font-mono"
            value={value}
            placeholder={field.placeholder ?? undefined}
            onChange={(event) => onChange(event.currentTarget.value)}
          />
        ) : (
          <Input
            {...control}
            name={field.name}
            type={field.secret ? "password" : "text"}
            autoComplete={field.secret ? "new-password" : "off"}
            value={value}
            placeholder={field.placeholder ?? undefined}
            onChange={(event) => onChange(event.currentTarget.value)}
          />
        )
      }
    </Field>
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
