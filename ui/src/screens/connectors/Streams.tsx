import { ChevronRight } from "lucide-react";
import { useState } from "react";
import type { ConnectorDetail, ConnectorStream, Field } from "@/api/bindings";
import { Card } from "@/components/Card";
import { EmptyState } from "@/components/EmptyState";
import { SearchInput } from "@/components/Field";
import { Tag } from "@/components/Pill";
import { Callout } from "@/components/Problem";
import { Quoted } from "@/components/Quoted";
import { TypeBadge, typeWords } from "@/components/TypeBadge";
import { counted } from "@/format/count";
import { abilities, abilityFacts } from "@/screens/connectors/abilities";

/** The streams of a connector with their fields, and those that are left out. */
export function Streams({ connector }: { connector: ConnectorDetail }) {
  const [text, setText] = useState("");
  const word = text.trim().toLowerCase();
  const shown = connector.streams.filter((stream) =>
    `${stream.name} ${stream.label}`.toLowerCase().includes(word),
  );
  return (
    <>
      {connector.refused.length > 0 && (
        <Callout
          tone="warn"
          title={`${counted(connector.refused.length, "stream is", "streams are")} left out`}
        >
          <p className="m-0">
            A part of {connector.refused.length === 1 ? "it" : "them"} is described in a way that
            cannot run here. {connector.streams.length > 0 && "The others work."}
          </p>
          <details open={connector.refused.length <= 3 || undefined} className="mt-1">
            <summary>Which, and why</summary>
            <ul className="m-0 mt-1 grid gap-1.5 pl-0">
              {connector.refused.map((refused) => (
                <li key={refused.stream} className="break-words">
                  <b className="font-semibold">{refused.stream}</b>:{" "}
                  <Quoted text={refused.reason} />
                </li>
              ))}
            </ul>
          </details>
        </Callout>
      )}
      <Card
        title={counted(connector.streams.length, "stream")}
        aside={
          connector.streams.length > 8 && (
            <SearchInput label="Find a stream" className="w-52" value={text} onSearch={setText} />
          )
        }
      >
        {connector.templates.length > 0 && (
          <p className="m-0 border-b border-line px-3.5 py-2 text-ink2">
            Further streams are made once it is connected, from what the settings or the platform
            say: {connector.templates.join(", ")}.
          </p>
        )}
        {connector.streams.length === 0 ? (
          connector.templates.length === 0 && (
            <EmptyState title="Nothing can be read with it">
              The file describes no stream that can run here. Open the file to see what is in it.
            </EmptyState>
          )
        ) : shown.length === 0 ? (
          <EmptyState title={`No stream has “${text.trim()}” in its name`} />
        ) : (
          <ul className="m-0 list-none p-0">
            {shown.map((stream) => (
              <li key={stream.name} className="border-b border-line last:border-b-0">
                <StreamRow stream={stream} />
              </li>
            ))}
          </ul>
        )}
      </Card>
    </>
  );
}

function StreamRow({ stream }: { stream: ConnectorStream }) {
  const fields = stream.schema?.fields ?? null;
  return (
    <details className="group">
      <summary className="flex list-none flex-wrap items-center gap-x-3 gap-y-1 px-3.5 py-2 hover:bg-sunk/60">
        <ChevronRight
          aria-hidden
          size={14}
          className="-mr-1 shrink-0 text-ink3 transition-transform group-open:rotate-90"
        />
        <span className="font-semibold">{stream.label}</span>
        {stream.label !== stream.name && (
          <code className="font-mono text-sm text-ink3">{stream.name}</code>
        )}
        <span className="text-sm text-ink2">
          {fields === null ? "fields are asked from the platform" : counted(fields.length, "field")}
        </span>
        <span className="ml-auto flex flex-wrap gap-1">
          {abilities(stream.capabilities).map((word) => (
            <Tag key={word} tone={word.startsWith("read") ? "neutral" : "accent"}>
              {word}
            </Tag>
          ))}
        </span>
      </summary>
      <div className="grid gap-3 pt-1 pr-3.5 pb-3 pl-9">
        <dl className="m-0 grid grid-cols-[max-content_1fr] gap-x-6 gap-y-1">
          {abilityFacts(stream).map((fact) => (
            <div key={fact.label} className="col-span-2 grid grid-cols-subgrid">
              <dt className="text-ink3">{fact.label}</dt>
              <dd className="m-0">{fact.words}</dd>
            </div>
          ))}
        </dl>
        {fields === null ? (
          <p className="m-0 text-ink2">
            The file does not say which fields it has. Connect the platform, or try the stream, to
            see them.
          </p>
        ) : (
          <Fields fields={fields} stream={stream} depth={0} />
        )}
      </div>
    </details>
  );
}

type FieldsProps = { fields: readonly Field[]; stream: ConnectorStream; depth: number };

function Fields({ fields, stream, depth }: FieldsProps) {
  return (
    <ul className={depth === 0 ? "m-0 list-none p-0" : "m-0 list-none border-l border-line pl-4"}>
      {fields.map((field) => (
        <li key={field.name} className="py-0.5">
          <span className="flex flex-wrap items-center gap-2">
            <TypeBadge type={field.type} format={field.format} />
            <code className="font-mono text-sm">{field.name}</code>
            <span className="text-sm text-ink3">
              {typeWords(field.type)}
              {field.nullable && ", may be empty"}
            </span>
            {field.key && <Tag tone="neutral">key</Tag>}
            {depth === 0 && field.name === stream.cursor_field && <Tag tone="neutral">cursor</Tag>}
          </span>
          {field.description && (
            <span className="block pl-7 text-sm text-ink2">{field.description}</span>
          )}
          {field.fields.length > 0 && (
            <div className="mt-0.5 ml-2.5">
              <Fields fields={field.fields} stream={stream} depth={depth + 1} />
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}
