import type { TwoWay } from "@/api/bindings";
import { Choice, SettingGroup, Tick } from "./Setting";
import { useSettings } from "./use-settings";
import { useWays } from "./use-ways";
import { policies, policyWords, readOnlyChoices, readOnlyWords, truths, truthWords } from "./ways";

/** How both sides come together. */
export function TwoWaySettings() {
  const { twoWay, names, trips, samples } = useWays();
  const save = useSettings();
  if (twoWay === null) {
    return null;
  }
  const change = (next: Partial<TwoWay>) => save({ two_way: { ...twoWay, ...next } });
  const lossy = trips.filter((each) => each.way !== "exact");
  return (
    <SettingGroup title="Both sides" value={policyWords(twoWay.policy, names)}>
      <Choice
        label="When a field was changed on both sides"
        value={twoWay.policy}
        options={policies.map((value) => ({ value, label: policyWords(value, names) }))}
        onChange={(policy) => change({ policy })}
      />
      <Choice
        label="When two records meet for the first time and differ"
        value={twoWay.truth}
        options={truths.map((value) => ({ value, label: truthWords(value, names) }))}
        onChange={(truth) => change({ truth })}
      />
      <Choice
        label="When a field is changed that does not flow that way"
        value={twoWay.read_only}
        options={readOnlyChoices.map((value) => ({ value, label: readOnlyWords(value) }))}
        onChange={(read_only) => change({ read_only })}
      />
      <Tick
        label={`New records of ${names.target} are made in ${names.source} too`}
        value={twoWay.creates_on_source}
        onChange={(creates_on_source) => change({ creates_on_source })}
      />
      {trips.length > 0 && (
        <div>
          <div className="map-label">Does it come back?</div>
          <p className="m-0 text-sm text-ink2">
            Tried on {samples} {samples === 1 ? "record" : "records"}: {trips.length - lossy.length}{" "}
            of {trips.length} fields come back exactly.
          </p>
          <ul className="m-0 mt-1 grid list-none gap-1 p-0 text-sm">
            {lossy.map((each) => (
              <li key={each.target}>
                <b className="font-strong text-warn">{each.target}</b>{" "}
                <span className="text-ink2">
                  {each.way === "one_way" ? "one way. " : ""}
                  {each.why} {each.trip}
                </span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </SettingGroup>
  );
}
