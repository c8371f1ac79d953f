import type { Direction } from "@/api/bindings";
import { Select } from "@/components/Field";
import { useSettings } from "./use-settings";
import { useWays } from "./use-ways";
import {
  arrows,
  directionWords,
  fieldRule,
  policies,
  policyChip,
  policyWords,
  wayOf,
  withFieldRule,
} from "./ways";

const directions: readonly Direction[] = ["to_target", "both", "to_source"];

/** Which way the changes of a field flow, and who is right when both sides change it. */
export function FieldWay({ path }: { path: string }) {
  const { twoWay, names, trips } = useWays();
  const save = useSettings();
  if (twoWay === null) {
    return null;
  }
  const rule = fieldRule(twoWay, path);
  const trip = trips.find((each) => each.target === path);
  const way = wayOf(rule.direction, trip);
  const change = (next: Parameters<typeof withFieldRule>[2]) =>
    save({ two_way: withFieldRule(twoWay, path, next) });
  return (
    <div className="grid gap-1.5">
      <div className="map-label">Direction</div>
      <fieldset className="m-0 flex min-w-0 gap-1 border-0 p-0">
        <legend className="sr-only">Direction</legend>
        {directions.map((direction) => (
          <button
            key={direction}
            type="button"
            aria-pressed={rule.direction === direction}
            aria-label={directionWords(direction, names)}
            title={directionWords(direction, names)}
            onClick={() => change({ direction })}
            className="flex-1 rounded-md border border-line bg-panel py-0.5 text-md text-ink2 hover:bg-sunk aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent"
          >
            {arrows[direction]}
          </button>
        ))}
      </fieldset>
      <p className="m-0 text-sm text-ink2">{directionWords(rule.direction, names)}.</p>
      {way.isLossy && (
        <p className="m-0 rounded-md bg-warn-soft px-2 py-1 text-sm text-warn">
          {trip?.way === "one_way" ? "Nothing comes back: " : "Not the same comes back: "}
          {way.why}
        </p>
      )}
      {!way.isLossy && rule.direction !== "to_target" && trip?.trip != null && (
        <p className="m-0 text-sm text-ink3">{trip.trip}</p>
      )}
      {rule.direction === "both" && (
        <Select
          aria-label="When both sides changed it"
          value={rule.policy ?? ""}
          onChange={(event) =>
            change({
              policy: policies.find((each) => each === event.currentTarget.value) ?? null,
            })
          }
        >
          <option value="">As the sync has it: {policyWords(twoWay.policy, names)}</option>
          {policies.map((policy) => (
            <option key={policy} value={policy}>
              {policyWords(policy, names)}
            </option>
          ))}
        </Select>
      )}
    </div>
  );
}

/** On the row of a field: an amber arrow where something gets lost, and its own policy. The cable shows the rest. */
export function WayMark({ path }: { path: string }) {
  const { twoWay, names, trips } = useWays();
  if (twoWay === null) {
    return null;
  }
  const rule = fieldRule(twoWay, path);
  const way = wayOf(
    rule.direction,
    trips.find((each) => each.target === path),
  );
  return (
    <>
      {way.isLossy ? (
        <small
          role="img"
          className="map-way is-lossy"
          title={way.why ?? undefined}
          aria-label={directionWords(rule.direction, names)}
        >
          {way.arrow}
        </small>
      ) : (
        <span className="sr-only">{directionWords(rule.direction, names)}</span>
      )}
      {rule.policy !== null && (
        <small title={policyWords(rule.policy, names)}>{policyChip(rule.policy, names)}</small>
      )}
    </>
  );
}
