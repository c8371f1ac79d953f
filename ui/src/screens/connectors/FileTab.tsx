import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Copy } from "lucide-react";
import { useMemo, useState } from "react";
import { toast } from "sonner";
import type { ConnectorDetail, ConnectorReport } from "@/api/bindings";
import { useCommand } from "@/api/mutations";
import { connectorReport, connectorSchema, connectorText } from "@/api/queries";
import { Button } from "@/components/Button";
import { Sheet } from "@/components/Dialog";
import { Pill } from "@/components/Pill";
import { copyText, Problem, toastError } from "@/components/Problem";
import { Spinner } from "@/components/Progress";
import { useSettled } from "@/components/use-settled";
import { type Mark, YamlEditor } from "@/editor/YamlEditor";
import { counted } from "@/format/count";
import { Comparison } from "@/screens/connectors/Comparison";
import { ProblemList } from "@/screens/connectors/ProblemList";
import { corrected, expectedWords } from "@/screens/connectors/problems";
import { TryPanel } from "@/screens/connectors/TryPanel";

/** What was typed and not saved, so that looking at another page loses nothing. */
const drafts = new Map<string, string>();

/** The connector's file in an editor: what is wrong is marked, a save is a version. */
export function FileTab({ connector }: { connector: ConnectorDetail }) {
  const { id, origin } = connector.summary;
  const { data: stored } = useSuspenseQuery(connectorText(id));
  const { data: schema } = useSuspenseQuery(connectorSchema());
  const [text, setTyped] = useState(drafts.get(id) ?? stored.text);
  const setText = (next: string) => {
    setTyped(next);
    drafts.set(id, next);
  };
  const [caret, setCaret] = useState<{ line: number; column: number } | null>(null);
  const [open, setOpen] = useState<"changes" | "try" | null>(null);
  const looked = useSettled(text);
  const { data: report, error } = useQuery({
    ...connectorReport(id, looked),
    placeholderData: (before: ConnectorReport | undefined) => before,
  });
  const marks = useMemo<Mark[]>(
    () =>
      (report?.problems ?? []).map((problem) => ({
        is_error: problem.is_error,
        line: problem.line ?? null,
        column: problem.column ?? null,
        message: `${problem.problem} ${expectedWords(problem)}`,
      })),
    [report],
  );
  const save = useCommand("save_connector");
  const use = useCommand("use_connector_version");
  const remove = useCommand("delete_connector");
  const isChanged = text !== stored.text;
  const isUsable = report?.is_usable ?? true;
  const reason = !isChanged
    ? "Nothing was changed"
    : !isUsable
      ? "Mend what is wrong first"
      : undefined;
  const undo = async (before: number | null, textBefore: string) => {
    await (before === null
      ? remove.mutateAsync({ connector: id })
      : use.mutateAsync({ connector: id, version: before }));
    setText(textBefore);
  };
  const keep = () => {
    if (reason !== undefined) {
      return;
    }
    const textBefore = stored.text;
    save.mutate(
      { name: id, text, origin: { kind: "editor" } },
      {
        onError: toastError,
        onSuccess: (saved) => {
          setOpen(null);
          drafts.delete(id);
          toast(`Saved as version ${saved.version}`, {
            description: "Syncs use it from their next run on.",
            duration: 20_000,
            action: {
              label: "Undo",
              onClick: () => void undo(saved.before ?? null, textBefore).catch(toastError),
            },
          });
        },
      },
    );
  };

  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-2 border-b border-line bg-panel px-6 py-2">
        <Status report={report} isChanged={isChanged} />
        {origin !== "own" && (
          <span className="text-sm text-ink3">
            {origin === "builtin"
              ? "This one comes with Patchbay; saving makes a copy of your own that takes its place."
              : "This one is a file of the folder “connectors”; saving makes a copy of your own that takes its place."}
          </span>
        )}
        <span className="flex-1" />
        <Button
          look="quiet"
          icon={<Copy aria-hidden size={13} />}
          onClick={() => void copyText(text, "The file")}
        >
          Copy
        </Button>
        {isChanged && (
          <Button look="quiet" onClick={() => setText(stored.text)}>
            Discard
          </Button>
        )}
        <Button
          disabledReason={isUsable ? undefined : "Mend what is wrong first"}
          onClick={() => setOpen("try")}
        >
          Try this text
        </Button>
        <Button disabledReason={reason} onClick={() => setOpen("changes")}>
          Changes
        </Button>
        <Button look="primary" busy={save.isPending} disabledReason={reason} onClick={keep}>
          Save
        </Button>
      </div>
      <div className="min-h-0 flex-1">
        <YamlEditor
          label={`File of ${connector.summary.name}`}
          text={text}
          marks={marks}
          schema={schema.schema}
          caret={caret}
          onChange={setText}
          onSave={keep}
        />
      </div>
      {error !== null && <Problem error={error} className="m-3" />}
      {report !== undefined && report.problems.length > 0 && (
        <section
          aria-label="What is to be said about this file"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
          tabIndex={0}
          className="max-h-44 overflow-y-auto border-t border-line bg-panel px-6 py-3"
        >
          <ProblemList
            problems={report.problems}
            onShow={(problem) => setCaret({ line: problem.line ?? 1, column: problem.column ?? 1 })}
            onCorrect={(problem) => setText(corrected(text, problem) ?? text)}
          />
        </section>
      )}
      {open === "changes" && (
        <Sheet
          wide
          title="What saving changes"
          description="The version that is used now is kept; going back to it is one click."
          onClose={() => setOpen(null)}
          footer={
            <>
              <Button onClick={() => setOpen(null)}>Close</Button>
              <Button look="primary" busy={save.isPending} onClick={keep}>
                Save
              </Button>
            </>
          }
        >
          <Comparison request={{ connector: id, text, version: null }} />
        </Sheet>
      )}
      {open === "try" && (
        <Sheet
          wide
          title="Try this text"
          description="The text of the editor is used for this, saved or not."
          onClose={() => setOpen(null)}
        >
          <TryPanel connector={connector} streams={report?.streams} draft={text} />
        </Sheet>
      )}
    </div>
  );
}

type StatusProps = { report: ConnectorReport | undefined; isChanged: boolean };

function Status({ report, isChanged }: StatusProps) {
  if (report === undefined) {
    return <Spinner label="Looking through it…" />;
  }
  const errors = report.problems.filter((problem) => problem.is_error).length;
  const notes = report.problems.length - errors;
  return (
    <span role="status" className="inline-flex flex-wrap items-center gap-2">
      {errors > 0 && <Pill dot="bad">{counted(errors, "error")}</Pill>}
      {report.is_usable && (
        <Pill dot={errors > 0 ? "warn" : "ok"}>
          {counted(report.streams.length, "stream")} can be read
        </Pill>
      )}
      {notes > 0 && <Pill dot="warn">{counted(notes, "note")}</Pill>}
      {isChanged && <Pill>not saved</Pill>}
    </span>
  );
}
