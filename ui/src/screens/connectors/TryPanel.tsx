import { FlaskConical } from "lucide-react";
import { type FormEvent, useEffect, useEffectEvent, useId, useRef, useState } from "react";
import { call } from "@/api/backend";
import type { ConnectorDetail, StartTry, TryAccount, TryPage } from "@/api/bindings";
import { type BackendError, toBackendError } from "@/api/errors";
import { Button } from "@/components/Button";
import { Card } from "@/components/Card";
import { cx } from "@/components/cx";
import { EmptyState } from "@/components/EmptyState";
import { Field, Input, Select, Textarea } from "@/components/Field";
import { Problem } from "@/components/Problem";
import { Spinner } from "@/components/Progress";
import { AccountFields } from "@/form/AccountFields";
import { focusField, useAccountForm } from "@/form/use-account-form";
import { TryPages } from "@/screens/connectors/TryPages";

type Props = {
  connector: ConnectorDetail;
  /** The streams that can be tried; those of the connector as it is in use where nothing is said. */
  streams?: string[] | undefined;
  stream?: string | undefined;
  /** The file as it is being edited, instead of the one in use. */
  draft?: string;
};

const FORM = "form";

type Try = { id: string; stream: string };

/** Reads a stream page by page and shows all of it: what was asked, what came back, the records, the state. */
export function TryPanel({ connector, streams, stream: wanted, draft }: Props) {
  const names = streams ?? connector.streams.map((each) => each.name);
  const [account, setAccount] = useState(connector.connections[0]?.id ?? FORM);
  const [stream, setStream] = useState(wanted ?? names[0] ?? "");
  const [state, setState] = useState("");
  const [stateProblem, setStateProblem] = useState<string | null>(null);
  const [running, setRunning] = useState<Try | null>(null);
  const [pages, setPages] = useState<TryPage[]>([]);
  const [shown, setShown] = useState(1);
  const [error, setError] = useState<BackendError | null>(null);
  const [busy, setBusy] = useState(false);
  const form = useAccountForm(connector, undefined);
  const latest = useRef<string | null>(null);

  const stop = async () => {
    const id = latest.current;
    latest.current = null;
    setRunning(null);
    if (id !== null) {
      await call("stop_try", { try: id }).catch(() => undefined);
    }
  };
  const leave = useEffectEvent(() => void stop());
  // Synchronises with the core, which keeps a try open until it is told.
  useEffect(() => () => leave(), []);

  const next = async (id: string) => {
    setBusy(true);
    setError(null);
    try {
      const page = await call("next_try_page", { try: id });
      if (latest.current !== id) {
        return;
      }
      setPages((old) => [...old, page]);
      setShown(page.number);
      if (page.is_over || page.error) {
        latest.current = null;
        setRunning(null);
      }
    } catch (thrown) {
      if (latest.current === id) {
        setError(toBackendError(thrown));
        setRunning(null);
      }
    } finally {
      setBusy(false);
    }
  };

  const begin = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || stream === "") {
      return;
    }
    let with_account: TryAccount = { kind: "connection", connection: account };
    if (account === FORM) {
      const filled = form.submit();
      if (!filled.ok) {
        focusField(filled.first);
        return;
      }
      with_account = {
        kind: "form",
        connector: connector.summary.id,
        auth_method: filled.auth_method,
        config: filled.config,
      };
    }
    const request: StartTry = { account: with_account, stream, state: null, draft: draft ?? null };
    setStateProblem(null);
    if (state.trim() !== "") {
      try {
        request.state = JSON.parse(state);
      } catch {
        setStateProblem("This is not JSON");
        return;
      }
    }
    await stop();
    setBusy(true);
    setPages([]);
    setError(null);
    try {
      const begun = await call("start_try", request);
      latest.current = begun.try;
      setRunning({ id: begun.try, stream });
      await next(begun.try);
    } catch (thrown) {
      setError(toBackendError(thrown));
      setBusy(false);
    }
  };

  if (names.length === 0 && connector.templates.length === 0) {
    return (
      <EmptyState title="There is nothing to try">
        No stream of this connector can be read. Open its file to see why.
      </EmptyState>
    );
  }
  const isBeside = draft === undefined;
  return (
    <div
      className={cx(
        "grid items-start gap-4",
        isBeside && "min-[1100px]:grid-cols-[minmax(320px,380px)_minmax(0,1fr)]",
      )}
    >
      <Card title="Try a stream">
        <form
          noValidate
          onSubmit={(event) => void begin(event)}
          onBlur={form.leave}
          className="grid gap-4 p-3.5"
        >
          <StreamChoice
            names={names}
            templates={connector.templates}
            stream={stream}
            onChange={setStream}
          />
          <Field
            required
            label="With"
            hint={account === FORM ? "They are used for this and not kept." : undefined}
          >
            {(control) => (
              <Select
                {...control}
                value={account}
                onChange={(event) => setAccount(event.currentTarget.value)}
              >
                {connector.connections.map((each) => (
                  <option key={each.id} value={each.id}>
                    {each.name}
                  </option>
                ))}
                <option value={FORM}>Settings typed in here</option>
              </Select>
            )}
          </Field>
          {account === FORM && <AccountFields form={form} oauth={connector.oauth ?? null} />}
          <details>
            <summary className="text-sm text-ink2">Begin with a state</summary>
            <div className="mt-2">
              <Field
                label="State"
                hint="How far the stream counts as read, in JSON. Empty: read everything."
                error={stateProblem}
              >
                {(control) => (
                  <Textarea
                    {...control}
                    rows={3}
                    className="font-mono text-sm"
                    placeholder='{"updated_at": "2026-01-31T00:00:00Z"}'
                    value={state}
                    onChange={(event) => setState(event.currentTarget.value)}
                  />
                )}
              </Field>
            </div>
          </details>
          <div className="flex flex-wrap items-center gap-2">
            <Button
              look={running === null ? "primary" : "plain"}
              type="submit"
              busy={busy}
              disabledReason={
                account === FORM && (form.opensBrowser || form.method?.kind === "device")
                  ? "Signing in goes through the browser: connect first, then choose that connection here"
                  : undefined
              }
            >
              {pages.length === 0 ? "Read the first page" : "Read again"}
            </Button>
            {running !== null && (
              <>
                <Button look="primary" busy={busy} onClick={() => void next(running.id)}>
                  Next page
                </Button>
                <Button onClick={() => void stop()}>Stop</Button>
              </>
            )}
          </div>
          <p className="m-0 text-sm text-ink3">Nothing is written and nothing is stored.</p>
        </form>
      </Card>
      <div className="grid min-w-0 gap-4">
        {error !== null && <Problem error={error} />}
        {pages.length > 0 ? (
          <TryPages stream={stream} pages={pages} shown={shown} onShow={setShown} />
        ) : busy ? (
          <Spinner label="Asking the platform…" />
        ) : (
          error === null && (
            <Card>
              <EmptyState icon={<FlaskConical size={20} />} title="Nothing was read yet">
                Read the first page to see its records, the request and the answer to it, and how
                far the stream then counts as read.
              </EmptyState>
            </Card>
          )
        )}
      </div>
    </div>
  );
}

type ChoiceProps = {
  names: readonly string[];
  /** What makes further streams, whose names are not known before it is connected. */
  templates: readonly string[];
  stream: string;
  onChange: (stream: string) => void;
};

function StreamChoice({ names, templates, stream, onChange }: ChoiceProps) {
  const list = useId();
  return (
    <Field
      required
      label="Stream"
      hint={
        templates.length > 0
          ? `Also one that is made when connected (${templates.join(", ")}): type its name.`
          : undefined
      }
    >
      {(control) =>
        templates.length > 0 ? (
          <>
            <Input
              {...control}
              list={list}
              value={stream}
              onChange={(event) => onChange(event.currentTarget.value)}
            />
            <datalist id={list}>
              {names.map((name) => (
                <option key={name} value={name} />
              ))}
            </datalist>
          </>
        ) : (
          <Select
            {...control}
            value={stream}
            onChange={(event) => onChange(event.currentTarget.value)}
          >
            {names.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </Select>
        )
      }
    </Field>
  );
}
