import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, Copy, ExternalLink } from "lucide-react";
import { type FormEvent, useEffect, useState } from "react";
import { coreOpensPages } from "@/api/backend";
import type { ConnectFlow, ConnectResult } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { connectFlow } from "@/api/queries";
import { Button, buttonClass } from "@/components/Button";
import { Field, Input } from "@/components/Field";
import { Callout, copyText, Problem, toastError } from "@/components/Problem";
import { Skeleton } from "@/components/Progress";
import { Time } from "@/components/Time";
import { Steps } from "@/screens/connections/Steps";

type Props = {
  flow: string;
  existing: string | undefined;
  /** Starts over with what was typed in; not known after a reload. */
  onAgain: (() => void) | undefined;
  /** Signs in once more, for a connection of its own. */
  onSeparate: (() => void) | undefined;
  onBack: (connector: string) => void;
  onDone: () => void;
};

/** Where a sign-in stands, step by step, as the events come in. */
export function FlowView({ flow, existing, onAgain, onSeparate, onBack, onDone }: Props) {
  const { data, error } = useQuery(connectFlow(flow));
  useSignInPage(data);
  if (error !== null) {
    return <Problem error={error} actions={<Button onClick={onDone}>Close</Button>} />;
  }
  if (data === undefined) {
    return <Skeleton className="h-24 w-full" />;
  }
  const result = data.result ?? null;
  return (
    <div className="grid gap-5">
      <Steps steps={data.steps} label="Steps of the sign-in" />
      {result === null ? (
        <Waiting flow={data} onCancel={onDone} />
      ) : (
        <Ended
          result={result}
          existing={existing}
          onAgain={onAgain ?? (() => onBack(data.connector))}
          onSeparate={onSeparate ?? (() => onBack(data.connector))}
          onDone={onDone}
        />
      )}
    </div>
  );
}

const opened = new Set<string>();

/** Opens the platform's page once per sign-in where the core does not do it itself. */
function useSignInPage(flow: ConnectFlow | undefined): void {
  const id = flow?.id;
  const url = flow?.result ? undefined : (flow?.authorize_url ?? undefined);
  // Synchronises with another window: the page of the platform.
  useEffect(() => {
    if (!coreOpensPages && id !== undefined && url !== undefined && !opened.has(id)) {
      opened.add(id);
      window.open(url, "_blank", "noopener");
    }
  }, [id, url]);
}

function Waiting({ flow, onCancel }: { flow: ConnectFlow; onCancel: () => void }) {
  const open = useCommand("open_connect_page");
  const cancel = useCommand("cancel_connect");
  const url = flow.authorize_url ?? null;
  const code = flow.user_code ?? null;
  return (
    <div className="grid gap-4">
      {url !== null && (
        <div className="grid gap-3 rounded-lg border border-line bg-sunk p-3.5">
          {code !== null && (
            <p className="m-0 grid gap-1">
              <span>Type in this code on the page that opens, here or on another device:</span>
              <span className="font-mono text-2xl font-semibold tracking-widest select-all">
                {code}
              </span>
            </p>
          )}
          <p className="m-0">
            Go on in your browser. This page moves on by itself
            {flow.expires_at !== null && (
              <>
                ; it waits until <Time at={flow.expires_at} look="moment" />
              </>
            )}
            .
          </p>
          <div className="flex flex-wrap gap-2">
            {coreOpensPages ? (
              <Button
                icon={<ExternalLink aria-hidden size={13} />}
                busy={open.isPending}
                onClick={() => open.mutate({ flow: flow.id }, { onError: toastError })}
              >
                Open again
              </Button>
            ) : (
              <a href={url} target="_blank" rel="noopener noreferrer" className={buttonClass()}>
                <ExternalLink aria-hidden size={13} /> Open again
              </a>
            )}
            <Button
              icon={<Copy aria-hidden size={13} />}
              onClick={() => void copyText(url, "Link")}
            >
              Copy link
            </Button>
          </div>
          {code === null && <PasteAddress flow={flow.id} />}
        </div>
      )}
      <div>
        <Button
          busy={cancel.isPending}
          onClick={() => {
            cancel.mutate({ flow: flow.id }, { onError: toastError });
            onCancel();
          }}
        >
          Cancel
        </Button>
      </div>
    </div>
  );
}

function PasteAddress({ flow }: { flow: string }) {
  const [url, setUrl] = useState("");
  const paste = useCommand("paste_redirect");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (url.trim() !== "") {
      paste.mutate({ flow, url: url.trim() });
    }
  };
  return (
    <details>
      <summary className="text-sm text-ink2">The browser says that it cannot connect?</summary>
      <form onSubmit={submit} className="mt-2 grid gap-2">
        <Field
          required
          label="Address of that page"
          hint="Copy the whole address from the browser's address bar, even if the page is empty."
          error={
            paste.error === null
              ? null
              : [paste.error.message, paste.error.hint].filter(Boolean).join(" ")
          }
        >
          {(control) => (
            <Input
              {...control}
              value={url}
              placeholder="http://127.0.0.1:…/?code=…"
              onChange={(event) => setUrl(event.currentTarget.value)}
            />
          )}
        </Field>
        <div>
          <Button
            type="submit"
            busy={paste.isPending}
            disabledReason={url.trim() === "" ? "Paste the address first" : undefined}
          >
            Go on with this address
          </Button>
        </div>
      </form>
    </details>
  );
}

type EndedProps = {
  result: ConnectResult;
  existing: string | undefined;
  onAgain: () => void;
  onSeparate: () => void;
  onDone: () => void;
};

function Ended({ result, existing, onAgain, onSeparate, onDone }: EndedProps) {
  switch (result.kind) {
    case "connected":
      return (
        <div className="grid gap-3">
          <div
            role="status"
            className="flex items-start gap-2.5 rounded-lg border border-ok/30 bg-ok-soft px-3 py-2.5"
          >
            <CircleCheck aria-hidden size={16} className="mt-0.5 text-ok" />
            <div>
              <p className="m-0 font-semibold">
                {existing === undefined ? "Connected" : "Signed in again"}
                {result.account !== null && ` as ${result.account}`}
              </p>
              <p className="m-0 text-ink2">
                {existing === undefined
                  ? "It has been tested and can be used in a sync."
                  : "Its syncs go on where they stopped."}
              </p>
            </div>
          </div>
          <div className="flex gap-2">
            <Button look="primary" onClick={onDone} autoFocus>
              Done
            </Button>
            {existing === undefined && (
              <>
                <Link to="/connections" search={{ connect: "all" }} className={buttonClass()}>
                  Connect another
                </Link>
                <Link to="/syncs/new" className={buttonClass()}>
                  New sync
                </Link>
              </>
            )}
          </div>
        </div>
      );
    case "failed":
      return (
        <Callout
          tone="bad"
          title={result.message}
          actions={
            <>
              <Button look="primary" onClick={onAgain}>
                Try again
              </Button>
              <Button onClick={onDone}>Close</Button>
            </>
          }
        >
          {result.hint}
        </Callout>
      );
    case "wrong_account":
      return (
        <Callout
          tone="warn"
          title="That is another account"
          actions={
            <>
              <Button look="primary" onClick={onAgain}>
                Sign in as {result.expected}
              </Button>
              <Button onClick={onSeparate}>Make it a new connection</Button>
            </>
          }
        >
          This connection belongs to <b>{result.expected}</b>, but <b>{result.found}</b> signed in.
          Nothing was changed. Sign out at the platform first if it keeps choosing the wrong
          account.
        </Callout>
      );
    case "cancelled":
      return (
        <Callout
          tone="info"
          title="The sign-in was cancelled"
          actions={
            <>
              <Button look="primary" onClick={onAgain}>
                Try again
              </Button>
              <Button onClick={onDone}>Close</Button>
            </>
          }
        >
          Nothing was changed.
        </Callout>
      );
  }
}
