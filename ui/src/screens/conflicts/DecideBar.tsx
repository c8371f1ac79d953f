import { LoaderCircle } from "lucide-react";
import { Button } from "@/components/Button";
import { Kbd } from "@/components/Kbd";
import { count, counted } from "@/format/count";
import {
  type Choice,
  choices,
  choiceWords,
  type Matter,
  whyNotChoose,
} from "@/screens/conflicts/choices";

type Props = {
  /** What a choice counts for. */
  meant: readonly Matter[];
  /** What happened, where it is one. */
  what: string;
  /** All that fit are being read: how many it is so far. */
  reading: number | null;
  /** All that fit, where they are known without reading them. */
  expected: number | undefined;
  isAlways: boolean;
  whyNotAlways: string | undefined;
  onAlways: (isAlways: boolean) => void;
  onChoose: (choice: Choice) => void;
  onValue: () => void;
  onTakeBack: () => void;
  onClear: () => void;
};

/** What can be chosen for the conflict at the cursor, or for all that are selected. */
export function DecideBar(props: Props) {
  const { meant, what, reading, expected, isAlways, whyNotAlways } = props;
  const [one] = meant;
  if (reading !== null) {
    return (
      <Bar>
        <p className="m-0 flex flex-1 items-center gap-2 text-ink2" role="status">
          <LoaderCircle aria-hidden size={14} className="animate-spin" />
          Selecting{" "}
          {expected === undefined ? count(reading) : `${count(reading)} of ${count(expected)}`}
        </p>
        <Button onClick={props.onClear}>
          Stop <Kbd>Esc</Kbd>
        </Button>
      </Bar>
    );
  }
  const isMany = meant.length > 1;
  return (
    <Bar>
      <p className="m-0 w-full break-words text-ink2" role="status">
        {isMany ? (
          <>
            <b className="font-semibold text-ink">{counted(meant.length, "conflict")} selected.</b>{" "}
            A choice counts for all of them.{" "}
            <button
              type="button"
              onClick={props.onClear}
              className="rounded-sm border-0 bg-transparent p-0 text-accent hover:underline"
            >
              Select none
            </button>
          </>
        ) : (
          what
        )}
      </p>
      {one !== undefined &&
        choices.map((choice) => {
          const words = isMany ? wordsForMany(meant, choice) : choiceWords(one, choice);
          return (
            words !== null && (
              <Button
                key={choice}
                disabledReason={isMany ? undefined : whyNotChoose(one, choice)}
                onClick={() => props.onChoose(choice)}
              >
                {words} <Kbd>{choices.indexOf(choice) + 1}</Kbd>
              </Button>
            )
          );
        })}
      <Button
        disabledReason={
          isMany
            ? "An own value is typed for one field at a time"
            : one && whyNotChoose(one, "value")
        }
        onClick={props.onValue}
      >
        Own value <Kbd>E</Kbd>
      </Button>
      <Button
        look="quiet"
        disabledReason={
          meant.some((each) => each.decision != null) ? undefined : "Nothing is decided here"
        }
        onClick={props.onTakeBack}
      >
        Take the choice back <Kbd>U</Kbd>
      </Button>
      <label
        title={whyNotAlways ?? "The choice becomes a rule of the sync, from now on"}
        className="ml-auto flex items-center gap-1.5 text-ink2 has-disabled:opacity-55"
      >
        <input
          type="checkbox"
          checked={isAlways}
          disabled={whyNotAlways !== undefined}
          onChange={(event) => props.onAlways(event.currentTarget.checked)}
          className="size-3.5 accent-accent"
        />
        Always for this field <Kbd>A</Kbd>
      </label>
    </Bar>
  );
}

function Bar({ children }: { children: React.ReactNode }) {
  return (
    <section
      aria-label="Decide"
      className="flex min-h-[82px] flex-wrap items-center gap-2 border-t border-line bg-panel px-6 py-2.5"
    >
      {children}
    </section>
  );
}

/** The words that fit each of them; where they differ, what all have in common. */
function wordsForMany(matters: readonly Matter[], choice: Choice): string {
  const words = new Set(matters.map((each) => choiceWords(each, choice)));
  const [only] = words;
  return words.size === 1 && typeof only === "string" ? only : generalWords[choice];
}

const generalWords: Record<Choice, string> = {
  source: "Take the source",
  target: "Take the target",
  keep_both: "Keep both",
};
