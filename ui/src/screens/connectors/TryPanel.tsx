import { type FormEvent, useEffect, useEffectEvent, useRef, useState } from "react";
import { call } from "@/api/backend";
import type { ConnectorDetail, StartTry, TryAccount, TryPage } from "@/api/bindings";
import { type BackendError, toBackendError } from "@/api/errors";
import { Button } from "@/components/Button";
import { Card } from "@/components/Card";
import { EmptyState } from "@/components/EmptyState";
import { Field, Select, Textarea } from "@/components/Field";
import { FilterTabs } from "@/components/FilterTabs";
import { Code } from "@/components/Part";
import { Tag } from "@/components/Pill";
import { Problem } from "@/components/Problem";
import { Spinner } from "@/components/Progress";
import { Exchange } from "@/exchange/Exchange";
import { AccountFields } from "@/form/AccountFields";
import { focusField, useAccountForm } from "@/form/use-account-form";
import { count, counted } from "@/format/count";

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

  const page = pages.find((each) => each.number === shown);
  if (names.length === 0) {
    return (
      <EmptyState title="There is nothing to try">
        No stream of this connector can be read. Open its file to see why.
      </EmptyState>
    );
  }
  return (
    <div className="grid gap-4">
      <Card title="Try a stream">
        <form
          noValidate
          onSubmit={(event) => void begin(event)}
          onBlur={form.leave}
          className="grid gap-4 p-3.5"
        >
          <div className="grid gap-4 min-[900px]:grid-cols-2">
            <Field required label="With">
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
                  <option value={FORM}>settings that are not saved</option>
                </Select>
              )}
            </Field>
            <Field required label="Stream">
              {(control) => (
                <Select
                  {...control}
                  value={stream}
                  onChange={(event) => setStream(event.currentTarget.value)}
                >
                  {names.map((name) => (
                    <option key={name} value={name}>
                      {name}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
          </div>
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
            <Button look={running === null ? "primary" : "plain"} type="submit" busy={busy}>
              {pages.length === 0 ? "Read the first page" : "Read again from the beginning"}
            </Button>
            {running !== null && (
              <>
                <Button look="primary" busy={busy} onClick={() => void next(running.id)}>
                  Next page
                </Button>
                <Button onClick={() => void stop()}>Stop</Button>
              </>
            )}
            <span className="text-sm text-ink3">Nothing is written and nothing is stored.</span>
          </div>
        </form>
      </Card>
      {error !== null && <Problem error={error} />}
      {busy && pages.length === 0 && <Spinner label="Asking the platform…" />}
      {pages.length > 0 && (
        <FilterTabs<string>
          label="Pages"
          options={pages.map((each) => ({
            value: String(each.number),
            label: each.is_over ? "End" : `Page ${each.number}`,
            ...(each.is_over ? {} : { count: each.n_records }),
          }))}
          isOn={(value) => value === String(shown)}
          onToggle={(value) => setShown(Number(value))}
        />
      )}
      {page !== undefined && <PageView page={page} stream={stream} />}
    </div>
  );
}

function PageView({ page, stream }: { page: TryPage; stream: string }) {
  const slice = JSON.stringify(page.slice ?? {});
  return (
    <>
      {page.error && <Problem error={toBackendError(page.error)} />}
      {page.is_over && !page.error && (
        <p role="status" className="m-0 text-ink2">
          Everything has been read.
        </p>
      )}
      <div className="grid items-start gap-4 min-[1100px]:grid-cols-2">
        <Card
          title="Records"
          aside={<Tag tone={page.n_records === 0 ? "neutral" : "ok"}>{count(page.n_records)}</Tag>}
        >
          <div className="grid gap-2 p-3.5">
            {slice !== "{}" && slice !== "null" && (
              <p className="m-0 text-sm text-ink2">
                Part of {stream}: <code className="font-mono break-all">{slice}</code>
              </p>
            )}
            {page.records.length === 0 ? (
              <p className="m-0 text-ink2">
                {page.error
                  ? "No record came."
                  : page.is_over
                    ? "No more records."
                    : "This page has no record. Look at the answer: the place where records are taken from may be another one."}
              </p>
            ) : (
              <>
                <Code
                  label="Records"
                  text={page.records.map((record) => JSON.stringify(record, null, 2)).join("\n")}
                />
                {page.records.length < page.n_records && (
                  <p className="m-0 text-sm text-ink3">
                    The first {page.records.length} of {counted(page.n_records, "record")}.
                  </p>
                )}
              </>
            )}
            {page.state !== null && page.state !== undefined && (
              <>
                <h3 className="m-0 mt-1 text-base font-semibold">State after this page</h3>
                <Code label="State" text={JSON.stringify(page.state, null, 2)} />
              </>
            )}
          </div>
        </Card>
        <Card title={counted(page.exchanges.length, "request")}>
          {page.exchanges.length === 0 ? (
            <p className="m-0 p-3.5 text-ink2">Nothing had to be asked for this.</p>
          ) : (
            <div className="grid gap-4 p-3.5">
              {page.exchanges.map((exchange) => (
                <Exchange key={exchange.id} exchange={exchange} />
              ))}
            </div>
          )}
        </Card>
      </div>
    </>
  );
}
