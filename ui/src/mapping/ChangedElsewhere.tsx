import type { Mapping } from "@/api/bindings";
import { Button } from "@/components/Button";
import { Callout } from "@/components/Problem";
import { counted } from "@/format/count";
import { differentTargets } from "./history";

type Props = {
  mine: Mapping;
  theirs: Mapping;
  onTheirs: (theirs: Mapping) => void;
  onMine: (theirs: Mapping) => void;
};

/** Two windows, or two programs, edit the same mapping: the person says which document goes on. */
export function ChangedElsewhere({ mine, theirs, onTheirs, onMine }: Props) {
  const targets = differentTargets(mine, theirs);
  const some = targets.slice(0, 4).join(", ");
  const more = targets.length > 4 ? ` and ${targets.length - 4} more` : "";
  return (
    <div role="alert" className="px-4 py-3">
      <Callout
        tone="warn"
        title="Changed elsewhere"
        actions={
          <>
            <Button look="primary" onClick={() => onTheirs(theirs)}>
              Take over the other version
            </Button>
            <Button onClick={() => onMine(theirs)}>Keep mine</Button>
          </>
        }
      >
        This mapping was changed in another window or program.{" "}
        {targets.length > 0 &&
          `${counted(targets.length, "field")} ${targets.length === 1 ? "differs" : "differ"} from what stands here: ${some}${more}. `}
        Nothing is saved from here until you choose. Undo brings back whichever you do not take.
      </Callout>
    </div>
  );
}
