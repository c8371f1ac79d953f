import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import type { ParamView, Rule, Step } from "@/api/bindings";
import { syncs } from "@/api/queries";
import { Select } from "@/components/Field";
import { stepLabel } from "./chips";
import * as mappings from "./document";
import { parseTyped } from "./kinds";
import { isObject } from "./path";
import { useEditor } from "./store";
import { ValueTable } from "./ValueTable";

type Props = { rule: Rule; at: number; step: Step };

/** The parameters of a step, drawn from what the backend says of them. */
export function StepForm({ rule, at, step }: Props) {
  const { transforms, act } = useEditor();
  const transform = transforms.get(step.name);
  if (!transform) {
    return (
      <p className="m-0 text-sm text-bad">This version of Patchbay has no step “{step.name}”.</p>
    );
  }
  if (transform.params.length === 0) {
    return <p className="m-0 text-sm text-ink2">{transform.summary}</p>;
  }
  const change = (name: string, value: unknown) =>
    act.edit(
      `Change ${stepLabel(step)}`,
      (now) => {
        const { [name]: _old, ...rest } = step.with;
        return mappings.updateStep(
          now,
          rule.target,
          at,
          value === undefined ? rest : { ...rest, [name]: value },
        );
      },
      `step:${rule.target}:${at}:${name}`,
    );
  return (
    <div className="grid gap-2 border-t border-line pt-2">
      {transform.params.map((param) => (
        <Parameter
          key={param.name}
          param={param}
          value={step.with[param.name]}
          rule={rule}
          at={at}
          onChange={(value) => change(param.name, value)}
        />
      ))}
    </div>
  );
}

type ParameterProps = {
  param: ParamView;
  value: unknown;
  rule: Rule;
  at: number;
  onChange: (value: unknown) => void;
};

function Parameter({ param, value, rule, at, onChange }: ParameterProps) {
  const id = useId();
  const shown = value ?? param.default;
  if (param.kind === "value_table") {
    return (
      <ValueTable rule={rule} at={at} table={isObject(shown) ? shown : {}} onChange={onChange} />
    );
  }
  if (param.kind === "bool") {
    return (
      <label className="flex items-start gap-2 text-sm">
        <input
          type="checkbox"
          className="mt-0.5 accent-[var(--accent)]"
          checked={shown === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
        <span>{param.summary === "" ? wordsOf(param.name) : param.summary}</span>
      </label>
    );
  }
  return (
    <div className="grid gap-0.5">
      <label htmlFor={id} className="text-sm font-strong">
        {wordsOf(param.name)}
        {param.required && <span className="text-bad"> ✱</span>}
      </label>
      <Control id={id} param={param} value={value} onChange={onChange} />
      {param.summary !== "" && <span className="text-xs text-ink3">{param.summary}</span>}
    </div>
  );
}

function Control({
  id,
  param,
  value,
  onChange,
}: {
  id: string;
  param: ParamView;
  value: unknown;
  onChange: (value: unknown) => void;
}) {
  const fallback =
    param.default === undefined || param.default === null ? "" : asText(param.default);
  switch (param.kind) {
    case "choice":
      return (
        <Select
          id={id}
          value={asText(value ?? param.default)}
          onChange={(event) => onChange(event.currentTarget.value)}
        >
          {param.options.map((option) => (
            <option key={option} value={option}>
              {option.replaceAll("_", " ")}
            </option>
          ))}
        </Select>
      );
    case "text_list":
      return (
        <textarea
          id={id}
          className="map-text"
          rows={3}
          placeholder={
            Array.isArray(param.default) ? param.default.map(asText).join("\n") : fallback
          }
          value={Array.isArray(value) ? value.map(asText).join("\n") : asText(value)}
          onChange={(event) => {
            const lines = event.currentTarget.value.split("\n");
            onChange(lines.length === 1 && lines[0] === "" ? undefined : lines);
          }}
        />
      );
    case "number":
      return (
        <input
          id={id}
          className="map-text"
          inputMode="decimal"
          placeholder={fallback}
          value={asText(value)}
          onChange={(event) => {
            const text = event.currentTarget.value;
            onChange(text === "" ? undefined : parseTyped(text, "decimal"));
          }}
        />
      );
    case "template":
      return (
        <textarea
          id={id}
          className="map-text map-code"
          rows={2}
          placeholder={fallback}
          value={asText(value)}
          onChange={(event) =>
            onChange(event.currentTarget.value === "" ? undefined : event.currentTarget.value)
          }
        />
      );
    case "zone":
      return (
        <>
          <input
            id={id}
            className="map-text"
            list={`${id}-zones`}
            placeholder={fallback || "Europe/Berlin"}
            value={asText(value)}
            onChange={(event) =>
              onChange(event.currentTarget.value === "" ? undefined : event.currentTarget.value)
            }
          />
          <datalist id={`${id}-zones`}>
            {Intl.supportedValuesOf("timeZone").map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </>
      );
    case "value":
      return (
        <input
          id={id}
          className="map-text"
          placeholder={fallback}
          value={asText(value)}
          onChange={(event) => onChange(parseTyped(event.currentTarget.value, "any"))}
        />
      );
    case "text":
      return (
        <input
          id={id}
          className="map-text"
          placeholder={fallback}
          value={asText(value)}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
    case "sync":
      return <SyncChoice id={id} value={asText(value)} onChange={onChange} />;
    case "bool":
    case "value_table":
      return null;
  }
}

/** One of the syncs between the same two accounts: they know which record is which. */
function SyncChoice({
  id,
  value,
  onChange,
}: {
  id: string;
  value: string;
  onChange: (value: unknown) => void;
}) {
  const { summary } = useEditor().detail;
  const { source, target } = summary;
  const { data: known = [] } = useQuery(syncs());
  const options = known.filter(
    (each) =>
      each.source.connection === source.connection && each.target.connection === target.connection,
  );
  return (
    <>
      <Select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="" disabled>
          Choose a sync
        </option>
        {options.map((each) => (
          <option key={each.id} value={each.id}>
            {each.id === summary.id ? `${each.name} (this one)` : each.name}
          </option>
        ))}
      </Select>
      {options.every((each) => each.id === summary.id) && (
        <span className="text-xs text-ink2">
          There is no other sync from {source.connection_name} to {target.connection_name} yet. Make
          one for the records that are pointed at.
        </span>
      )}
    </>
  );
}

function asText(value: unknown): string {
  return value === undefined || value === null
    ? ""
    : typeof value === "string"
      ? value
      : JSON.stringify(value);
}

/** `skip_empty` → "Skip empty" */
function wordsOf(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
