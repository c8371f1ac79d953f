import { Link2 } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/Button";
import { Select } from "@/components/Field";
import * as mappings from "./document";
import { useModel } from "./model";
import { leafOf } from "./path";
import { type SideName, useEditor } from "./store";
import { bestPartner } from "./tree";

type Props = { side: SideName; path: string; target?: string };

/** A rule whose field is gone: it stays until the person finds it a new one or takes it away. */
export function Relink({ side, path, target }: Props) {
  const { outlines, act } = useEditor();
  const model = useModel();
  const candidates = outlines[side].all.filter(
    (row) =>
      row.isOpen === undefined &&
      (side === "source" || (!row.field.read_only && !model.rules.has(row.path))),
  );
  const [chosen, setChosen] = useState(() => bestPartner(path, candidates)?.path ?? "");
  const relink = () => {
    if (side === "target") {
      act.edit(`Re-link ${leafOf(path)} to ${leafOf(chosen)}`, (now) =>
        mappings.moveRule(now, path, chosen),
      );
      act.goTo(chosen);
      return;
    }
    const targets = target === undefined ? (model.targetsOf.get(path) ?? []) : [target];
    act.edit(`Re-link ${leafOf(path)} to ${leafOf(chosen)}`, (now) =>
      targets.reduce((next, each) => mappings.replaceSource(next, each, path, chosen), now),
    );
  };
  return (
    <div className="map-card border-warn/50">
      <p className="m-0 text-sm">
        <b className="font-strong">{path}</b> is not in the {side} any more. Its cable is kept.
      </p>
      <div className="flex gap-1.5">
        <Select
          aria-label={`New field for ${path}`}
          value={chosen}
          onChange={(event) => setChosen(event.currentTarget.value)}
        >
          {chosen === "" && <option value="">Choose a field</option>}
          {candidates.map((row) => (
            <option key={row.path} value={row.path}>
              {row.path}
            </option>
          ))}
        </Select>
        <Button
          icon={<Link2 aria-hidden size={13} />}
          onClick={relink}
          {...(chosen === "" ? { disabledReason: "Choose a field first" } : {})}
        >
          Re-link
        </Button>
      </div>
    </div>
  );
}
