import { Copy } from "lucide-react";
import { Fragment, type ReactNode } from "react";
import { IconButton } from "@/components/Button";
import { copyText } from "@/components/Problem";
import { useModel } from "./model";
import { isObject } from "./path";

/** One record as the platforms see it: what was read, and what would be sent. */
export function RecordPanes() {
  const { preview, record } = useModel();
  return (
    <div className="grid h-full grid-cols-2">
      <Pane title="Source" value={record} />
      <Pane title="Mapped" value={preview?.mapped} />
    </div>
  );
}

function Pane({ title, value }: { title: string; value: unknown }) {
  return (
    <div className="flex min-h-0 min-w-0 flex-col border-r border-line last:border-r-0">
      <div className="flex items-center justify-between px-[18px] pt-1.5">
        <span className="map-label">{title}</span>
        <IconButton
          label={`Copy ${title.toLowerCase()} record`}
          icon={<Copy size={12} />}
          onClick={() => void copyText(JSON.stringify(value, null, 2) ?? "", "Record")}
        />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <pre tabIndex={0} className="map-json">
        {value === undefined ? "–" : <Json value={value} indent={0} />}
      </pre>
    </div>
  );
}

function Json({ value, indent }: { value: unknown; indent: number }): ReactNode {
  const pad = "  ".repeat(indent + 1);
  const close = "  ".repeat(indent);
  if (Array.isArray(value)) {
    return value.length === 0 ? (
      "[]"
    ) : (
      <>
        {"[\n"}
        {value.map((item, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: items of a list have no other name.
          <Fragment key={index}>
            {pad}
            <Json value={item} indent={indent + 1} />
            {index < value.length - 1 ? ",\n" : "\n"}
          </Fragment>
        ))}
        {`${close}]`}
      </>
    );
  }
  if (isObject(value)) {
    const entries = Object.entries(value);
    return entries.length === 0 ? (
      "{}"
    ) : (
      <>
        {"{\n"}
        {entries.map(([name, inner], index) => (
          <Fragment key={name}>
            {pad}
            <span className="text-ink2">{JSON.stringify(name)}</span>
            {": "}
            <Json value={inner} indent={indent + 1} />
            {index < entries.length - 1 ? ",\n" : "\n"}
          </Fragment>
        ))}
        {`${close}}`}
      </>
    );
  }
  return <span style={{ color: colorOf(value) }}>{JSON.stringify(value)}</span>;
}

function colorOf(value: unknown): string {
  switch (typeof value) {
    case "string":
      return "var(--t-text)";
    case "number":
      return "var(--t-num)";
    case "boolean":
      return "var(--t-bool)";
    default:
      return "var(--ink3)";
  }
}
