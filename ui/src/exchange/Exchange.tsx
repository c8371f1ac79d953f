import { Copy } from "lucide-react";
import type { ExchangeView } from "@/api/bindings";
import { Button } from "@/components/Button";
import { Code, Part } from "@/components/Part";
import { Tag } from "@/components/Pill";
import { copyText } from "@/components/Problem";
import { curl } from "@/exchange/curl";
import { duration } from "@/format/time";
import { prettyJson } from "@/format/value";

/** The request that carried a record and what came back, with secrets replaced. */
export function Exchange({ exchange }: { exchange: ExchangeView }) {
  const status = exchange.status;
  return (
    <Part
      title="Request and response"
      aside={
        <Button
          look="quiet"
          icon={<Copy aria-hidden size={13} />}
          onClick={() => void copyText(curl(exchange), "Request")}
        >
          Copy as curl
        </Button>
      }
    >
      <div className="grid gap-2">
        <p className="m-0 flex flex-wrap items-center gap-2 font-mono text-sm">
          <b className="font-semibold">{exchange.method}</b>
          <span className="break-all">{exchange.url}</span>
        </p>
        <p className="m-0 flex flex-wrap items-center gap-2 text-sm text-ink2">
          {status === null || status === undefined ? (
            <Tag tone="bad">no answer</Tag>
          ) : (
            <Tag tone={status < 300 ? "ok" : status < 500 ? "warn" : "bad"}>{status}</Tag>
          )}
          {duration(exchange.took_ms)}
          {exchange.attempt > 1 && ` · try ${exchange.attempt}`}
          {exchange.error && <span className="text-bad">{exchange.error}</span>}
          <span className="text-ink3">Secrets are replaced.</span>
        </p>
        <Message
          title="Sent"
          headers={exchange.request_headers}
          body={exchange.request_body ?? null}
        />
        {status !== null && status !== undefined && (
          <Message
            title="Received"
            headers={exchange.response_headers}
            body={exchange.response_body ?? null}
          />
        )}
      </div>
    </Part>
  );
}

type MessageProps = { title: string; headers: [string, string][]; body: string | null };

function Message({ title, headers, body }: MessageProps) {
  return (
    <div className="grid gap-1.5">
      <details>
        <summary className="text-sm text-ink2">
          {title}: {headers.length} headers
        </summary>
        <dl className="m-0 mt-1 grid grid-cols-[max-content_1fr] gap-x-3 gap-y-0.5 font-mono text-sm">
          {headers.map(([name, value], index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a header may come more than once.
            <div key={index} className="col-span-2 grid grid-cols-subgrid">
              <dt className="text-ink3">{name}</dt>
              <dd className="m-0 break-all">{value}</dd>
            </div>
          ))}
        </dl>
      </details>
      {body !== null && body !== "" && (
        <Code tall text={prettyJson(body)} label={`${title}: body`} />
      )}
    </div>
  );
}
