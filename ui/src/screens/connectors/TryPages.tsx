import { type ReactNode, useState } from "react";
import type { TryPage } from "@/api/bindings";
import { toBackendError } from "@/api/errors";
import { Card } from "@/components/Card";
import { FilterTabs } from "@/components/FilterTabs";
import { Code } from "@/components/Part";
import { Problem } from "@/components/Problem";
import { Exchange } from "@/exchange/Exchange";
import { counted } from "@/format/count";
import { prettyJson } from "@/format/value";

type Side = "records" | "requests" | "state";

type Props = {
  stream: string;
  pages: readonly TryPage[];
  /** The number of the page that is looked at. */
  shown: number;
  onShow: (number: number) => void;
};

/** The pages that were read: of each its records, what was asked and answered, and the state after it. */
export function TryPages({ stream, pages, shown, onShow }: Props) {
  const page = pages.find((each) => each.number === shown);
  const [chosen, setChosen] = useState<Side | null>(null);
  // Where a page failed, what was asked and answered says why.
  const side = chosen ?? (page?.error ? "requests" : "records");
  return (
    <>
      <FilterTabs<string>
        label="Pages"
        options={pages.map((each) => ({
          value: String(each.number),
          label: each.is_over ? "End" : `Page ${each.number}`,
          ...(each.is_over ? {} : { count: each.n_records }),
        }))}
        isOn={(value) => value === String(shown)}
        onToggle={(value) => onShow(Number(value))}
      />
      {page?.error && <Problem error={toBackendError(page.error)} />}
      {page?.is_over && !page.error && (
        <p role="status" className="m-0 text-ink2">
          Everything has been read.
        </p>
      )}
      {page !== undefined && (
        <Card
          title={
            <FilterTabs<Side>
              label="What is shown of the page"
              options={[
                { value: "records", label: "Records", count: page.n_records },
                { value: "requests", label: "Requests", count: page.exchanges.length },
                { value: "state", label: "State" },
              ]}
              isOn={(value) => value === side}
              onToggle={setChosen}
            />
          }
        >
          <div className="grid gap-4 p-3.5">
            {side === "records" && <Records page={page} stream={stream} />}
            {side === "requests" && <Requests page={page} />}
            {side === "state" && <State page={page} stream={stream} />}
          </div>
        </Card>
      )}
    </>
  );
}

type SideProps = { page: TryPage; stream: string };

function Records({ page, stream }: SideProps) {
  const slice = JSON.stringify(page.slice ?? {});
  return (
    <>
      {slice !== "{}" && slice !== "null" && (
        <p className="m-0 text-sm text-ink2">
          Part of {stream}: <code className="font-mono break-all">{slice}</code>
        </p>
      )}
      {page.records.length === 0 ? (
        <Nothing>
          {page.error
            ? "No record came. Look at the request and its answer."
            : page.is_over
              ? "No more records."
              : "This page has no record. Look at the answer: the place where records are taken from may be another one."}
        </Nothing>
      ) : (
        <Code tall label="Records" text={page.records.map(prettyJson).join("\n")} />
      )}
      {page.records.length > 0 && page.records.length < page.n_records && (
        <p className="m-0 text-sm text-ink3">
          The first {page.records.length} of {counted(page.n_records, "record")}.
        </p>
      )}
    </>
  );
}

function Requests({ page }: { page: TryPage }) {
  if (page.exchanges.length === 0) {
    return (
      <Nothing>
        {page.is_over
          ? "The end was known without asking again."
          : "Nothing had to be asked for this page: it came with the one before."}
      </Nothing>
    );
  }
  return page.exchanges.map((exchange) => <Exchange key={exchange.id} exchange={exchange} />);
}

function State({ page, stream }: SideProps) {
  if (page.state === null || page.state === undefined) {
    return (
      <Nothing>{stream} has no cursor, so there is no state: all of it is read each time.</Nothing>
    );
  }
  return (
    <>
      <p className="m-0 text-ink2">How far {stream} counts as read after this page.</p>
      <Code tall label="State" text={JSON.stringify(page.state, null, 2)} />
    </>
  );
}

function Nothing({ children }: { children: ReactNode }) {
  return <p className="m-0 text-ink2">{children}</p>;
}
