import { Pause, Play } from "lucide-react";
import type { SyncDetail } from "@/api/bindings";
import { Button } from "@/components/Button";
import { Select } from "@/components/Field";
import { usePauseSync } from "@/components/use-pause-sync";
import { writeMode } from "@/format/states";
import { DeleteSettings } from "./DeleteSettings";
import { GuardSettings, RetrySettings } from "./GuardSettings";
import { MatchSettings } from "./MatchSettings";
import { useModel } from "./model";
import { Cards, SettingGroup, SettingText } from "./Setting";
import { StartOver } from "./StartOver";
import { useEditor } from "./store";
import { TwoWaySettings } from "./TwoWaySettings";
import { useSettings } from "./use-settings";

const EVERY = [0, 5, 15, 30, 60, 180, 360, 720, 1440] as const;

/** Nothing is selected: the sync itself. Its settings are part of the draft. */
export function SyncSettings() {
  const { detail, store, act } = useEditor();
  const model = useModel();
  const save = useSettings();
  const { summary } = detail;
  const pause = usePauseSync(summary);
  const minutes = summary.every_minutes ?? 0;
  const options = [...new Set([...EVERY, minutes])].sort((a, b) => a - b);
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
      {summary.is_paused && (
        <div className="map-card">
          <b className="font-strong">This sync is paused</b>
          <p className="m-0 text-sm text-ink2">It runs when you start it, and not by itself.</p>
          <Button
            icon={<Play aria-hidden size={13} />}
            busy={pause.isPending}
            onClick={pause.toggle}
          >
            Resume
          </Button>
        </div>
      )}
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
      <div className="grid gap-1.5">
        <div className="map-label">Direction</div>
        <Cards
          label="Direction"
          value={summary.is_two_way ? "both" : "one"}
          options={[
            {
              value: "one" as const,
              label: "One way",
              consequence: `Changes of ${summary.source.connection_name} go to ${summary.target.connection_name}.`,
            },
            {
              value: "both" as const,
              label: "Both ways",
              consequence: "Changes of either side go to the other one, field by field.",
              whyNot: whyNotBoth(detail),
            },
          ]}
          onChange={(way) => save({ is_two_way: way === "both" })}
        />
      </div>
      <SettingGroup title="What may be done" value={writeMode(summary.mode).label}>
        <Cards
          label="What may be done"
          value={summary.mode}
          options={detail.modes.map(({ mode, problem }) => ({
            value: mode,
            ...writeMode(mode),
            whyNot: problem ?? undefined,
          }))}
          onChange={(mode) => save({ mode })}
        />
      </SettingGroup>
      <TwoWaySettings />
      <DeleteSettings />
      <MatchSettings />
      <SettingGroup title="Only some records" value={detail.filter ?? "all"}>
        <SettingText
          label="Only records for which this is true"
          isCode
          placeholder="record.status == 'active'"
          value={detail.filter ?? ""}
          onChange={(filter) => save({ filter })}
        />
        <p className="m-0 text-sm text-ink3">
          A record that leaves the filter is not deleted; it is left alone.
        </p>
      </SettingGroup>
      <GuardSettings />
      <RetrySettings />
      <div className="grid gap-1">
        <label className="map-label" htmlFor="sync-runs">
          Runs
        </label>
        <Select
          id="sync-runs"
          value={minutes}
          onChange={(event) => save({ every_minutes: Number(event.currentTarget.value) })}
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
      {!summary.is_paused && summary.every_minutes !== null && summary.version > 0 && (
        <div>
          <Button
            icon={<Pause aria-hidden size={13} />}
            busy={pause.isPending}
            onClick={pause.toggle}
          >
            Pause this sync
          </Button>
        </div>
      )}
      <StartOver />
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

/** Why changes cannot flow both ways; nothing if they can. */
function whyNotBoth({ source, target, summary }: SyncDetail): string | undefined {
  if (target !== null && target !== undefined && !target.capabilities.read) {
    return `${summary.target.stream_label} of ${summary.target.connection_name} cannot be read.`;
  }
  return source !== null && source !== undefined && !source.capabilities.update
    ? `${summary.source.stream_label} of ${summary.source.connection_name} cannot be changed.`
    : undefined;
}
