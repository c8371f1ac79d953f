import { Plus, X } from "lucide-react";
import type { MatchRule } from "@/api/bindings";
import { Button, IconButton } from "@/components/Button";
import { Select } from "@/components/Field";
import { Choice, SettingGroup, SettingText } from "./Setting";
import { useEditor } from "./store";
import { useSettings } from "./use-settings";

/** How a record finds its counterpart: the first rule that finds exactly one decides. */
export function MatchSettings() {
  const { detail } = useEditor();
  const save = useSettings();
  const keys = detail.target?.capabilities.match_by ?? [];
  const fields = [...new Set([...keys, ...detail.match_on])];
  const { match_also: more } = detail;
  const change = (at: number, rule: MatchRule | null) =>
    save({
      match_also: more.flatMap((each, index) =>
        index === at ? (rule === null ? [] : [rule]) : [each],
      ),
    });
  return (
    <SettingGroup
      title="Which record is which"
      value={detail.match_on.join(" + ") || "nothing yet"}
    >
      <p className="m-0 text-sm text-ink2">
        Records that were matched once stay together. For others these are tried in order; where
        more than one record fits, none is guessed: it is listed under Needs you.
      </p>
      <Choice
        label="1. The same"
        value={detail.match_on[0] ?? ""}
        options={[
          ...(detail.match_on.length === 0 ? [{ value: "", label: "Nothing yet" }] : []),
          ...fields.map((field) => ({ value: field, label: field })),
        ]}
        onChange={(field) => save({ match_on: field === "" ? [] : [field] })}
      />
      {more.map((rule, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a rule is what it is by its place.
        <div key={at} className="grid gap-1.5">
          <div className="flex items-end gap-1.5">
            <div className="min-w-0 flex-1">
              <SettingText
                label={`${at + 2}. Else the same (several with commas)`}
                value={rule.fields.join(", ")}
                whyNot={(text) =>
                  text.trim() === "" ? "Name a field of the target, or take this away" : undefined
                }
                onChange={(text) =>
                  change(at, {
                    ...rule,
                    fields: text
                      .split(",")
                      .map((each) => each.trim())
                      .filter((each) => each !== ""),
                  })
                }
              />
            </div>
            <IconButton
              label="Take this rule away"
              icon={<X aria-hidden size={14} />}
              onClick={() => change(at, null)}
            />
          </div>
          <Select
            aria-label={`How rule ${at + 2} compares`}
            value={rule.compare}
            onChange={(event) =>
              change(at, {
                ...rule,
                compare: event.currentTarget.value === "exact" ? "exact" : "normalised",
              })
            }
          >
            <option value="normalised">without case and outer spaces</option>
            <option value="exact">to the letter</option>
          </Select>
        </div>
      ))}
      <Button
        icon={<Plus aria-hidden size={13} />}
        disabledReason={fields.length === 0 ? "The target can be looked up by no field" : undefined}
        onClick={() => {
          const next = fields.find((each) => !detail.match_on.includes(each)) ?? fields[0];
          if (next !== undefined) {
            save({ match_also: [...more, { fields: [next], compare: "normalised" }] });
          }
        }}
      >
        One more way
      </Button>
    </SettingGroup>
  );
}
