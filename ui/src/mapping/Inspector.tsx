import { ArrowRight, Plus, X } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { DiagnosticView, FieldProfile, OnFailure, Origin, Rule } from "@/api/bindings";
import { Button, IconButton } from "@/components/Button";
import { Select } from "@/components/Field";
import { TypeBadge } from "@/components/TypeBadge";
import { percent } from "@/format/count";
import * as mappings from "./document";
import { FieldWay } from "./FieldWay";
import { parseTyped, quotedValue, shortValue, typeWord } from "./kinds";
import { severityOf, useModel } from "./model";
import { ProblemLine } from "./ProblemList";
import { leafOf, valueAt } from "./path";
import { Relink } from "./Relink";
import { StepList } from "./StepList";
import { SyncSettings } from "./SyncSettings";
import { useEditor, useEditorState } from "./store";
import { rowAt } from "./tree";

/** The panel at the right: all about what is selected. */
export function Inspector() {
  const selection = useEditorState((state) => state.selection);
  return (
    <aside className="map-inspector" aria-label="Details">
      {selection.kind === "none" && <SyncSettings />}
      {selection.kind === "source" && <SourcePanel paths={selection.paths} />}
      {selection.kind === "target" && <TargetPanel key={selection.path} path={selection.path} />}
    </aside>
  );
}

export function Label({ children }: { children: ReactNode }) {
  return <div className="map-label">{children}</div>;
}

function TargetPanel({ path }: { path: string }) {
  const { outlines, act, store } = useEditor();
  const model = useModel();
  const row = rowAt(outlines.target, path);
  const rule = model.rules.get(path);
  const problems = model.problems.get(path) ?? [];
  const failures = model.failures.get(path);
  if (!rule) {
    return row ? <EmptyTarget path={path} /> : null;
  }
  return (
    <>
      <div className="flex items-start gap-2">
        <div className="min-w-0 flex-1">
          <Label>
            {rule.origin.kind === "constant"
              ? "Constant"
              : rule.origin.kind === "expression"
                ? "Expression"
                : "Cable"}
          </Label>
          <h2 className="m-0 text-base font-semibold break-words">
            {rule.origin.kind === "fields"
              ? rule.origin.paths.map(leafOf).join(" + ")
              : rule.origin.kind === "constant"
                ? shortValue(rule.origin.value, 24)
                : "ƒ"}
            {" → "}
            {leafOf(path)}
          </h2>
        </div>
        <IconButton
          label="Disconnect (Del)"
          icon={<X size={14} />}
          onClick={() => act.unlink([path])}
        />
      </div>
      {!row && <Relink side="target" path={path} />}
      {rule.origin.kind === "fields" &&
        rule.origin.paths
          .filter((source) => !rowAt(outlines.source, source))
          .map((source) => <Relink key={source} side="source" path={source} target={path} />)}
      {rule.origin.kind === "fields" && rule.origin.paths.length > 1 && (
        <Sources rule={rule} paths={rule.origin.paths} />
      )}
      {rule.origin.kind === "constant" && <ConstantForm target={path} value={rule.origin.value} />}
      <StepList rule={rule} />
      <Button
        icon={<Plus aria-hidden size={13} />}
        onClick={() => store.set({ step: { kind: "add" } })}
      >
        Add a step
      </Button>
      {problems.filter(isNotOnCard).map((problem) => (
        <ProblemLine key={problem.code + (problem.step ?? "")} problem={problem} isCompact />
      ))}
      {rule.origin.kind !== "constant" && <FieldWay path={path} />}
      <div>
        <Label>If it cannot be made</Label>
        <FailurePolicy rule={rule} />
        {failures && (
          <button
            type="button"
            className="map-link mt-1"
            onClick={() => {
              store.set({ sample: failures.first_sample });
              act.announce(`Record ${failures.first_sample + 1}: ${failures.message}`);
            }}
          >
            {failures.count} of {model.report?.samples ?? 0} samples · show one
          </button>
        )}
      </div>
      <Expression rule={rule} />
      <Comment rule={rule} />
      {rule.origin.kind === "fields" && (
        <div>
          <Label>Where it comes from</Label>
          {rule.origin.paths.map((source) => (
            <ProfileLines key={source} path={source} isNamed={sourcesCount(rule.origin) > 1} />
          ))}
        </div>
      )}
    </>
  );
}

/** What is wrong with a step stands on its card. */
function isNotOnCard({ step, fix }: DiagnosticView): boolean {
  return step == null || fix != null;
}

function sourcesCount(origin: Origin): number {
  return origin.kind === "fields" ? origin.paths.length : 0;
}

/** A target that nothing fills yet. */
function EmptyTarget({ path }: { path: string }) {
  const { outlines, act, store } = useEditor();
  const model = useModel();
  const row = rowAt(outlines.target, path);
  const suggestion = model.suggestions.get(path);
  if (!row) {
    return null;
  }
  const { field } = row;
  return (
    <>
      <div>
        <Label>Field</Label>
        <h2 className="m-0 flex items-center gap-2 text-base font-semibold break-all">
          <TypeBadge type={field.type} format={field.format} />
          {path}
          {field.required && <span className="text-bad">✱</span>}
        </h2>
        <p className="m-0 mt-1 text-sm text-ink2">
          {describe(field.type, field.max_length, field.options.length)}
        </p>
        {field.description !== null && (
          <p className="m-0 mt-1 text-sm text-ink2">{field.description}</p>
        )}
      </div>
      {field.read_only ? (
        <p className="m-0 text-sm text-ink2">The platform sets this field; it cannot be filled.</p>
      ) : row.isOpen !== undefined ? (
        <p className="m-0 text-sm text-ink2">
          Drop an object here to connect the fields inside by name, or draw to a field inside.
        </p>
      ) : (
        <>
          {suggestion && (
            <div className="map-card">
              <div className="flex items-center justify-between gap-2">
                <b className="font-strong">
                  {suggestion.rule.origin.kind === "fields"
                    ? suggestion.rule.origin.paths.join(" + ")
                    : "constant"}
                  ?
                </b>
                <span className="text-sm text-ink3">{Math.round(suggestion.score * 100)} %</span>
              </div>
              <div className="map-mono">
                {quotedValue(suggestion.sample_in, 40)} →{" "}
                <b>{quotedValue(suggestion.sample_out, 40)}</b>
              </div>
              <div className="flex flex-wrap gap-1">
                {suggestion.reasons.map((reason) => (
                  <span key={reason} className="map-reason">
                    {reason}
                  </span>
                ))}
              </div>
              <Button look="primary" onClick={() => act.applyRules([suggestion.rule])}>
                Connect
              </Button>
            </div>
          )}
          <Button onClick={() => store.set({ editing: path })}>Type a value or find a field</Button>
          <Button
            look="quiet"
            onClick={() =>
              act.edit(`Write an expression for ${leafOf(path)}`, (now) =>
                mappings.setExpression(now, path, "{{ record. }}"),
              )
            }
          >
            Write an expression
          </Button>
          <p className="m-0 text-sm text-ink3">Or drag a field from the left onto it.</p>
        </>
      )}
    </>
  );
}

function describe(
  type: Parameters<typeof typeWord>[0],
  maxLength: number | null,
  options: number,
): string {
  const word = typeWord(type);
  return [
    word.charAt(0).toUpperCase() + word.slice(1),
    maxLength === null ? null : `at most ${maxLength} characters`,
    options > 0 ? `${options} choices` : null,
  ]
    .filter(Boolean)
    .join(", ");
}

/** The fields of a rule that has several, in the order in which they are joined. */
function Sources({ rule, paths }: { rule: Rule; paths: string[] }) {
  const { act } = useEditor();
  const model = useModel();
  return (
    <ol className="m-0 grid list-none gap-1 p-0" aria-label="Fields, in order">
      {paths.map((path, index) => (
        <li key={path} className="flex items-center gap-2 rounded-md border border-line px-2 py-1">
          <span className="text-xs text-ink3">{index + 1}</span>
          <span className="min-w-0 flex-1 truncate font-medium">{path}</span>
          <span className="max-w-24 truncate font-mono text-sm text-ink2">
            {shortValue(valueAt(model.record, path), 24)}
          </span>
          {index > 0 && (
            <button
              type="button"
              className="map-tiny"
              aria-label={`Move ${path} up`}
              onClick={() =>
                act.edit(`Reorder ${leafOf(rule.target)}`, (now) =>
                  mappings.moveSource(now, rule.target, index, index - 1),
                )
              }
            >
              ↑
            </button>
          )}
          <button
            type="button"
            className="map-tiny"
            aria-label={`Take ${path} away`}
            onClick={() =>
              act.edit(`Disconnect ${path}`, (now) => mappings.unlinkSource(now, rule.target, path))
            }
          >
            ×
          </button>
        </li>
      ))}
    </ol>
  );
}

function ConstantForm({ target, value }: { target: string; value: unknown }) {
  const { act, outlines } = useEditor();
  const field = rowAt(outlines.target, target)?.field;
  const id = `constant-${target}`;
  const change = (next: unknown) =>
    act.edit(
      `Set ${leafOf(target)}`,
      (now) => mappings.setConstant(now, target, next),
      `constant:${target}`,
    );
  return (
    <div>
      <label htmlFor={id} className="map-label">
        Always
      </label>
      {field && field.options.length > 0 ? (
        <Select
          id={id}
          value={String(value)}
          onChange={(event) => change(event.currentTarget.value)}
        >
          {!field.options.some((option) => option.value === value) && (
            <option value={String(value)}>{String(value)}</option>
          )}
          {field.options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label ?? option.value}
            </option>
          ))}
        </Select>
      ) : field?.type === "bool" ? (
        <Select
          id={id}
          value={String(value)}
          onChange={(event) => change(event.currentTarget.value === "true")}
        >
          <option value="true">true</option>
          <option value="false">false</option>
        </Select>
      ) : (
        <input
          id={id}
          className="map-text"
          type={field?.type === "date" ? "date" : "text"}
          value={typeof value === "string" ? value : JSON.stringify(value)}
          onChange={(event) => change(parseTyped(event.currentTarget.value, field?.type ?? "text"))}
        />
      )}
    </div>
  );
}

function FailurePolicy({ rule }: { rule: Rule }) {
  const { act, outlines } = useEditor();
  const { on_failure } = rule;
  const type = rowAt(outlines.target, rule.target)?.field.type ?? "text";
  const set = (next: OnFailure, merge?: string) =>
    act.edit(
      `Change what happens to ${leafOf(rule.target)}`,
      (now) => mappings.setOnFailure(now, rule.target, next),
      merge,
    );
  return (
    <div className="flex gap-1.5">
      <Select
        aria-label="If it cannot be made"
        value={on_failure.kind}
        onChange={(event) => {
          const kind = event.currentTarget.value;
          set(
            kind === "default"
              ? { kind, value: "" }
              : kind === "null" || kind === "skip"
                ? { kind }
                : { kind: "hold" },
          );
        }}
      >
        <option value="hold">Hold the record</option>
        <option value="null">Empty the field</option>
        <option value="skip">Leave the field out</option>
        <option value="default">Send this instead</option>
      </Select>
      {on_failure.kind === "default" && (
        <input
          className="map-text"
          aria-label="Value to send instead"
          value={String(on_failure.value ?? "")}
          onChange={(event) =>
            set(
              { kind: "default", value: parseTyped(event.currentTarget.value, type) },
              `failure:${rule.target}`,
            )
          }
        />
      )}
    </div>
  );
}

/** The rule as a template: to read, or to go on with by hand. */
function Expression({ rule }: { rule: Rule }) {
  const { act } = useEditor();
  const isWritten = rule.origin.kind === "expression";
  const text = rule.origin.kind === "expression" ? rule.origin.template : mappings.asTemplate(rule);
  if (rule.origin.kind === "constant") {
    return null;
  }
  const back = mappings.fromExpression(rule);
  return (
    <div>
      <div className="flex items-center justify-between">
        <Label>As an expression</Label>
        {back && (
          <button
            type="button"
            className="map-link"
            onClick={() =>
              act.edit(`Draw ${leafOf(rule.target)} as a cable`, (now) =>
                mappings.putRule(now, back),
              )
            }
          >
            Back to a cable
          </button>
        )}
        {!isWritten && (
          <button
            type="button"
            className="map-link"
            onClick={() =>
              act.edit(`Write an expression for ${leafOf(rule.target)}`, (now) =>
                mappings.toExpression(now, rule.target),
              )
            }
          >
            Edit
          </button>
        )}
      </div>
      {isWritten ? (
        <textarea
          className="map-text map-code"
          aria-label={`Expression for ${rule.target}`}
          data-expression
          rows={Math.min(8, 2 + Math.floor(text.length / 30))}
          spellCheck={false}
          value={text}
          onChange={(event) => {
            const next = event.currentTarget.value;
            act.edit(
              `Write an expression for ${leafOf(rule.target)}`,
              (now) => mappings.setExpression(now, rule.target, next),
              `expression:${rule.target}`,
            );
          }}
        />
      ) : (
        <div className="map-card map-mono break-words">{text}</div>
      )}
    </div>
  );
}

function Comment({ rule }: { rule: Rule }) {
  const { act } = useEditor();
  const [isOpen, setIsOpen] = useState(rule.comment !== undefined);
  return isOpen ? (
    <div>
      <Label>Note</Label>
      <textarea
        className="map-text"
        aria-label={`Note on ${rule.target}`}
        rows={2}
        value={rule.comment ?? ""}
        onChange={(event) => {
          const text = event.currentTarget.value;
          act.edit(
            `Write a note on ${leafOf(rule.target)}`,
            (now) => mappings.setComment(now, rule.target, text),
            `comment:${rule.target}`,
          );
        }}
      />
    </div>
  ) : (
    <button type="button" className="map-link justify-self-start" onClick={() => setIsOpen(true)}>
      Add a note
    </button>
  );
}

function SourcePanel({ paths }: { paths: string[] }) {
  const { outlines, act } = useEditor();
  const model = useModel();
  const [only] = paths;
  if (only === undefined) {
    return null;
  }
  const row = rowAt(outlines.source, only);
  const feeds = [...new Set(paths.flatMap((path) => model.targetsOf.get(path) ?? []))];
  return (
    <>
      <div>
        <Label>{paths.length > 1 ? `${paths.length} source fields` : "Source field"}</Label>
        <h2 className="m-0 flex items-center gap-2 text-base font-semibold break-all">
          {row && <TypeBadge type={row.field.type} format={row.field.format} />}
          {paths.join(" + ")}
        </h2>
        {paths.length === 1 && row && (
          <p className="m-0 mt-1 text-sm text-ink2">
            {[
              row.field.label !== null && row.field.label !== row.field.name
                ? row.field.label
                : null,
              describe(row.field.type, row.field.max_length, row.field.options.length),
            ]
              .filter(Boolean)
              .join(" · ")}
          </p>
        )}
        {paths.length === 1 && row?.field.description != null && (
          <p className="m-0 mt-1 text-sm text-ink2">{row.field.description}</p>
        )}
      </div>
      {!row && <Relink side="source" path={only} />}
      <div>
        <Label>Sample</Label>
        {paths.map((path) => (
          <div key={path} className="map-mono break-words">
            {quotedValue(valueAt(model.record, path), 400)}
          </div>
        ))}
      </div>
      <div>
        <Label>Feeds</Label>
        {feeds.length === 0 && (
          <p className="m-0 text-sm text-ink2">
            Nothing yet. Click a target, drag onto one, or press Space and choose one.
          </p>
        )}
        {feeds.map((target) => (
          <button key={target} type="button" className="map-line" onClick={() => act.goTo(target)}>
            <ArrowRight aria-hidden size={12} />
            <span className="min-w-0 flex-1 truncate">{target}</span>
            {severityOf(model, target) !== null && <span className="text-warn">!</span>}
          </button>
        ))}
      </div>
      <Button onClick={() => act.pickUp(paths)}>
        {paths.length > 1 ? "Combine into a target…" : "Choose a target…"}
      </Button>
      {row && row.field.options.length > 0 && paths.length === 1 && (
        <div>
          <Label>Values</Label>
          <div className="map-mono">
            {row.field.options.map((option) => option.value).join(", ")}
          </div>
        </div>
      )}
      <div>
        <Label>What the samples tell</Label>
        {paths.map((path) => (
          <ProfileLines key={path} path={path} isNamed={paths.length > 1} />
        ))}
      </div>
    </>
  );
}

function ProfileLines({ path, isNamed }: { path: string; isNamed: boolean }) {
  const { outlines } = useEditor();
  const model = useModel();
  const profile = model.profiles.get(path);
  const samples = model.samples?.records.length ?? 0;
  const row = rowAt(outlines.source, path);
  return (
    <div className="map-mono">
      {isNamed && <span className="text-ink">{leafOf(path)}: </span>}
      {profile ? profileWords(profile, samples, row?.field.max_length ?? null) : "No samples yet."}
    </div>
  );
}

/** "98 % look like e-mail · unique 200/200 · null 0 · longest 41 of 254 allowed" */
function profileWords(profile: FieldProfile, samples: number, allowed: number | null): string {
  const parts = [
    profile.looks_like == null
      ? null
      : `${profile.looks_like_percent ?? 100} % look like ${profile.looks_like}`,
    profile.distinct === profile.filled && profile.filled > 1
      ? `unique ${profile.distinct}/${samples}`
      : `${profile.distinct} different`,
    profile.filled === samples
      ? "never empty"
      : `empty ${samples - profile.filled} (${100 - percent(profile.filled, samples)} %)`,
    profile.longest > 0
      ? `longest ${profile.longest}${allowed === null ? "" : ` of ${allowed} allowed`}`
      : null,
  ];
  return parts.filter((part) => part !== null).join(" · ");
}
