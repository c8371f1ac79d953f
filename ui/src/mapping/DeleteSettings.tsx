import type { DeleteAction, DeleteRule, WriteMode } from "@/api/bindings";
import { Choice, SettingGroup, SettingText, WholeNumber } from "./Setting";
import { useEditor } from "./store";
import { useSettings } from "./use-settings";

type Kind = DeleteAction["kind"];

const labels: Record<Kind, string> = {
  keep: "Nothing: it stays",
  delete: "It is deleted too",
  archive: "It is archived",
  clear: "Its mapped fields are emptied",
  set: "Fields of it are set",
};

/** What really happens: a mirror deletes unless something else is chosen. */
export function effectiveDelete(kind: Kind, mode: WriteMode): Kind {
  return kind === "keep" && mode === "mirror" ? "delete" : kind;
}

/** What becomes of a record whose counterpart is gone, as one sentence. */
export function deleteSentence(
  { action, after_days, sightings }: DeleteRule,
  mode: WriteMode,
): string {
  const kind = effectiveDelete(action.kind, mode);
  if (kind === "keep") {
    return "A record that is deleted on one side stays on the other.";
  }
  const what = {
    delete: "is deleted on the other side too",
    archive: "is archived on the other side",
    clear: "loses the fields that this sync fills",
    set: "gets these values on the other side",
  }[kind];
  const when = after_days === 0 ? "" : `, ${after_days} ${after_days === 1 ? "day" : "days"} later`;
  const seen =
    sightings > 1 ? ` It counts as deleted when ${sightings} complete reads have missed it.` : "";
  return `A record that is deleted on one side ${what}${when}.${seen} One that only leaves the filter stays.`;
}

export function DeleteSettings() {
  const { detail } = useEditor();
  const save = useSettings();
  const { deletes, summary } = detail;
  const change = (next: Partial<DeleteRule>) => save({ deletes: { ...deletes, ...next } });
  const { action } = deletes;
  const kind = effectiveDelete(action.kind, summary.mode);
  const kinds: Kind[] = ["keep", "delete", "archive", "clear", "set"];
  return (
    <SettingGroup title="When a record is deleted" value={labels[kind]}>
      <p className="m-0 text-sm text-ink2">{deleteSentence(deletes, summary.mode)}</p>
      <Choice
        label="Its counterpart"
        value={kind}
        options={kinds
          .filter((each) => each !== "keep" || summary.mode !== "mirror")
          .map((each) => ({ value: each, label: labels[each] }))}
        onChange={(next) =>
          change({
            action: next === "set" ? { kind: "set", fields: {} } : { kind: next },
          })
        }
      />
      {action.kind === "set" && (
        <SettingText
          label="Field and value"
          isCode
          placeholder='{"status": "inactive"}'
          value={Object.keys(action.fields).length === 0 ? "" : JSON.stringify(action.fields)}
          whyNot={(text) =>
            text.trim() === "" || fieldsOf(text) !== null
              ? undefined
              : 'Write it like {"status": "inactive"}'
          }
          onChange={(text) => change({ action: { kind: "set", fields: fieldsOf(text) ?? {} } })}
        />
      )}
      {kind !== "keep" && (
        <>
          <WholeNumber
            label="Wait before it is done"
            unit="days"
            most={365}
            value={deletes.after_days}
            onChange={(after_days) => change({ after_days })}
          />
          <WholeNumber
            label="Complete reads that must have missed it"
            unit="times"
            least={1}
            most={10}
            value={deletes.sightings}
            onChange={(sightings) => change({ sightings })}
          />
          <WholeNumber
            label="Read everything at least every"
            unit="hours"
            least={1}
            most={720}
            value={deletes.full_read_hours}
            onChange={(full_read_hours) => change({ full_read_hours })}
          />
        </>
      )}
    </SettingGroup>
  );
}

function fieldsOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
