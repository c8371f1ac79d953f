import type { Approved, Guards } from "@/api/bindings";
import { SettingGroup, Tick, WholeNumber } from "./Setting";
import { useEditor } from "./store";
import { useSettings } from "./use-settings";

/** What a run asks about before it writes, in a few words. */
function askWords({ creates, updates, deletes }: Approved): string {
  const asks = [
    creates ? null : "creates",
    updates ? null : "updates",
    deletes ? null : "deletes",
  ].filter((each) => each !== null);
  return asks.length === 0 ? "only for mass changes" : `asks before ${asks.join(", ")}`;
}

/** How often runs try a record again by themselves. */
export function RetrySettings() {
  const { detail } = useEditor();
  const save = useSettings();
  const { most_tries } = detail;
  const times = most_tries === 1 ? "once" : `up to ${most_tries} times`;
  return (
    <SettingGroup
      title="Records that fail"
      value={most_tries === 0 ? "wait for you" : `tried ${times}`}
    >
      <p className="m-0 text-sm text-ink2">
        Every run tries again what the target refused before. A record that keeps failing waits for
        you, until it or the mapping changes. With 0 it waits at once.
      </p>
      <WholeNumber
        label="Waits for you after"
        unit={most_tries === 1 ? "run" : "runs"}
        most={100}
        value={most_tries}
        onChange={(next) => save({ most_tries: next })}
      />
    </SettingGroup>
  );
}

/** When a run stops before it writes anything, and asks. */
export function GuardSettings() {
  const { detail } = useEditor();
  const save = useSettings();
  const { guards } = detail;
  const change = (next: Partial<Guards>) => save({ guards: { ...guards, ...next } });
  const ask = (next: Partial<Approved>) => change({ approved: { ...guards.approved, ...next } });
  return (
    <SettingGroup title="Stop and ask" value={askWords(guards.approved)}>
      <p className="m-0 text-sm text-ink2">
        Then the run waits with its plan, and nothing is written until you approve.
      </p>
      <Tick
        label="Before it creates records"
        value={!guards.approved.creates}
        onChange={(asks) => ask({ creates: !asks })}
      />
      <Tick
        label="Before it changes records"
        value={!guards.approved.updates}
        onChange={(asks) => ask({ updates: !asks })}
      />
      <Tick
        label="Before it deletes records"
        value={!guards.approved.deletes}
        onChange={(asks) => ask({ deletes: !asks })}
      />
      <WholeNumber
        label="When more would be changed than"
        unit="%"
        most={100}
        value={guards.max_update_percent}
        onChange={(max_update_percent) => change({ max_update_percent })}
      />
      <WholeNumber
        label="When more would be deleted than"
        unit="%"
        most={100}
        value={guards.max_delete_percent}
        onChange={(max_delete_percent) => change({ max_delete_percent })}
      />
    </SettingGroup>
  );
}
