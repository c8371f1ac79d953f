import type { WriteMode } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { Button } from "@/components/Button";
import { Select } from "@/components/Field";
import { toastError } from "@/components/Problem";
import { writeMode, writeModes } from "@/format/states";
import { useModel } from "./model";
import { useEditor } from "./store";

const EVERY = [0, 5, 15, 30, 60, 180, 360, 720, 1440] as const;

/** Nothing is selected: the sync itself. Its settings are part of the draft. */
export function SyncSettings() {
  const { detail, syncId, store, act } = useEditor();
  const model = useModel();
  const save = useCommand("save_draft");
  const { summary } = detail;
  const keys = detail.target?.capabilities.match_by ?? [];
  const fields = [...new Set([...keys, ...detail.match_on])];
  const minutes = summary.every_minutes ?? 0;
  const options = [...new Set([...EVERY, minutes])].sort((a, b) => a - b);
  const change = (change: { mode?: WriteMode; match_on?: string[]; every_minutes?: number }) =>
    save.mutate({ sync: syncId, ...change }, { onError: toastError });
  const { report } = model;
  const next =
    report && report.required_mapped < report.required
      ? `${report.required - report.required_mapped} required ${report.required - report.required_mapped === 1 ? "field is" : "fields are"} still open.`
      : null;
  return (
    <>
      <div>
        <div className="map-label">Sync</div>
        <h2 className="m-0 text-base font-semibold break-words">{summary.name}</h2>
        <p className="m-0 mt-1 text-sm text-ink2">{writeMode(summary.mode).consequence}</p>
      </div>
      {model.mapping.rules.length === 0 ? (
        <div className="map-card">
          <b className="font-strong">Nothing is connected yet</b>
          <p className="m-0 text-sm text-ink2">
            Auto-map proposes pairs from names, types and sample values. You choose which to take.
          </p>
          <Button look="primary" onClick={() => store.set({ layer: "suggestions" })}>
            Auto-map
          </Button>
          <p className="m-0 text-sm text-ink3">
            Or drag from a field on the left onto one on the right.
          </p>
        </div>
      ) : (
        next !== null && (
          <button
            type="button"
            className="map-card map-line-button text-left"
            onClick={() => {
              const problem = report?.diagnostics.find(
                (each) => each.severity === "error" && each.target != null,
              );
              if (problem?.target != null) {
                act.goTo(problem.target);
              }
            }}
          >
            <b className="font-strong text-bad">{next}</b>
            <span className="text-sm text-ink2">
              They stand on top of the target. Press U to go to the next.
            </span>
          </button>
        )
      )}
      <div className="grid gap-1">
        <label className="map-label" htmlFor="sync-may">
          May
        </label>
        <Select
          id="sync-may"
          value={summary.mode}
          onChange={(event) => {
            const mode = writeModes.find((each) => each === event.currentTarget.value);
            if (mode) {
              change({ mode });
            }
          }}
        >
          {writeModes.map((mode) => (
            <option key={mode} value={mode}>
              {writeMode(mode).label}
            </option>
          ))}
        </Select>
      </div>
      {fields.length > 0 && (
        <div className="grid gap-1">
          <label className="map-label" htmlFor="sync-find">
            Find a record by
          </label>
          <Select
            id="sync-find"
            value={detail.match_on[0] ?? ""}
            onChange={(event) =>
              change({
                match_on: event.currentTarget.value === "" ? [] : [event.currentTarget.value],
              })
            }
          >
            {detail.match_on.length === 0 && <option value="">Nothing yet</option>}
            {fields.map((field) => (
              <option key={field} value={field}>
                {field}
              </option>
            ))}
          </Select>
        </div>
      )}
      <div className="grid gap-1">
        <label className="map-label" htmlFor="sync-runs">
          Runs
        </label>
        <Select
          id="sync-runs"
          value={minutes}
          onChange={(event) => change({ every_minutes: Number(event.currentTarget.value) })}
        >
          {options.map((each) => (
            <option key={each} value={each}>
              {each === 0
                ? "When you start it"
                : each < 60
                  ? `Every ${each} minutes`
                  : each === 60
                    ? "Every hour"
                    : each === 1440
                      ? "Every day"
                      : each % 60 === 0
                        ? `Every ${each / 60} hours`
                        : `Every ${each} minutes`}
            </option>
          ))}
        </Select>
      </div>
      {summary.version > 0 && detail.draft_changes.length > 0 && (
        <div>
          <div className="map-label">Changed since version {summary.version}</div>
          <ul className="m-0 grid list-none gap-0.5 p-0 text-sm text-ink2">
            {detail.draft_changes.slice(0, 12).map((change) => (
              <li key={change}>{change}</li>
            ))}
            {detail.draft_changes.length > 12 && (
              <li>and {detail.draft_changes.length - 12} more</li>
            )}
          </ul>
        </div>
      )}
    </>
  );
}
