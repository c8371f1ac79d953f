import { useQueries } from "@tanstack/react-query";
import { FileText, FolderOpen, Trash2 } from "lucide-react";
import { type DragEvent, useId, useState } from "react";
import { toast } from "sonner";
import { call } from "@/api/backend";
import type { ConnectorReport, ConnectorSource, SavedConnector } from "@/api/bindings";
import { type BackendError, toBackendError } from "@/api/errors";
import { useCommand } from "@/api/mutations";
import { connectorReport } from "@/api/queries";
import { Button, IconButton } from "@/components/Button";
import { cx } from "@/components/cx";
import { Sheet } from "@/components/Dialog";
import { Field, Input, Textarea } from "@/components/Field";
import { FilterTabs } from "@/components/FilterTabs";
import { Callout, Problem, toastError } from "@/components/Problem";
import { useSettled } from "@/components/use-settled";
import { counted } from "@/format/count";
import { Comparison } from "@/screens/connectors/Comparison";
import { isConnectorFile, nameOfFile } from "@/screens/connectors/changes";
import { type Chosen, fromDrop, fromInput } from "@/screens/connectors/chosen";
import { ProblemList } from "@/screens/connectors/ProblemList";

/** Larger files are no connector files; the core refuses them too. */
const LARGEST = 8 * 1024 * 1024;
/** Connector files that are taken at once. */
const MOST = 200;

type Candidate = { key: string; name: string; text: string; source: ConnectorSource };
type Way = "file" | "text";

function candidatesOf(pasted: { name: string; text: string }): Candidate[] {
  return pasted.text.trim() === ""
    ? []
    : [{ key: "pasted", ...pasted, source: { kind: "pasted" } }];
}

type Props = {
  /** Replace the file of this connector instead of adding one. */
  replace?: string;
  /** What that one is called for people. */
  title?: string;
  onClose: () => void;
  onSaved: (saved: SavedConnector) => void;
};

/** Adds connectors from files, a folder or pasted text, or replaces one; shows what that means before it does. */
export function AddConnector({ replace, title, onClose, onSaved }: Props) {
  const [way, setWay] = useState<Way>("file");
  const [files, setFiles] = useState<Candidate[]>([]);
  const [pasted, setPasted] = useState({ name: replace ?? "", text: "" });
  const [problem, setProblem] = useState<string | null>(null);
  const [error, setError] = useState<BackendError | null>(null);
  const save = useCommand("save_connector");
  const typed = useSettled(pasted);
  const candidates = way === "file" ? files : candidatesOf(pasted);
  // What was looked through: of a text that is being typed in, what it was a moment ago.
  const looked = way === "file" ? files : candidatesOf(typed);
  const isCurrent = way === "file" || typed === pasted;

  const take = async (chosen: Chosen[]) => {
    setProblem(null);
    const isFolder = chosen.some((each) => each.isOfFolder);
    const fitting = chosen.filter((each) => !each.isOfFolder || isConnectorFile(each.path));
    if (fitting.length === 0) {
      setProblem(
        isFolder
          ? "There is no connector file in this folder. Connector files are called connector.yaml or manifest.yaml."
          : "Nothing was chosen.",
      );
      return;
    }
    if (fitting.length > MOST) {
      setProblem(
        `The first ${MOST} of ${fitting.length} connector files are taken; take the others with another folder.`,
      );
    }
    const wanted = replace === undefined ? fitting.slice(0, MOST) : fitting.slice(0, 1);
    const read: Candidate[] = [];
    for (const { file, path } of wanted) {
      if (file.size > LARGEST) {
        setProblem(`${file.name} has more than 8 MB; that is no connector file.`);
        continue;
      }
      read.push({
        key: path,
        name: replace ?? nameOfFile(path),
        text: await file.text(),
        source: { kind: "file", name: path },
      });
    }
    setFiles(read);
  };

  const add = async () => {
    setError(null);
    let last: SavedConnector | null = null;
    try {
      for (const candidate of candidates) {
        last = await save.mutateAsync({
          name: replace ?? (await nameOf(candidate)),
          text: candidate.text,
          origin: candidate.source,
        });
      }
    } catch (thrown) {
      setError(toBackendError(thrown));
      return;
    }
    if (last !== null) {
      if (candidates.length > 1) {
        toast(`${counted(candidates.length, "connector")} added`);
      }
      onSaved(last);
    }
  };

  const reports = useQueries({
    queries: looked.map((candidate) => connectorReport(candidate.name, candidate.text)),
  });
  const isUsable = (report: ConnectorReport | undefined) =>
    report?.name !== undefined && report.name !== null && report.is_usable;
  const usable = reports.filter((report) => isUsable(report.data));
  const verb = replace === undefined ? "Add" : "Replace";
  return (
    <Sheet
      wide
      title={replace === undefined ? "Add a connector" : `Replace the file of ${title ?? replace}`}
      description={
        replace === undefined
          ? "A connector is a YAML file that says how a platform is read and written. Low-code connector files of Airbyte work as they are."
          : "The version that is used now is kept; going back to it is one click."
      }
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            look="primary"
            busy={save.isPending}
            disabledReason={
              candidates.length === 0
                ? "Choose a file or paste a text first"
                : !isCurrent || reports.some((report) => report.isPending)
                  ? "Looking through it…"
                  : usable.length < candidates.length
                    ? "Mend what is wrong first, or leave that file out"
                    : undefined
            }
            onClick={() => void add()}
          >
            {candidates.length > 1 ? `${verb} ${counted(candidates.length, "connector")}` : verb}
          </Button>
        </>
      }
    >
      <div className="grid gap-4">
        <FilterTabs<Way>
          label="From where"
          options={[
            { value: "file", label: replace === undefined ? "File or folder" : "File" },
            { value: "text", label: "Pasted text" },
          ]}
          isOn={(value) => value === way}
          onToggle={setWay}
        />
        {way === "file" ? (
          <FileDrop folders={replace === undefined} onTake={(chosen) => void take(chosen)} />
        ) : (
          <Field required label="Connector file" hint="The whole text of the file, in YAML.">
            {(control) => (
              <Textarea
                {...control}
                rows={14}
                className="font-mono text-sm"
                placeholder={"version: 6.44.0\ntype: DeclarativeSource\n…"}
                value={pasted.text}
                onChange={(event) => {
                  const text = event.currentTarget.value;
                  setPasted((old) => ({ ...old, text }));
                }}
              />
            )}
          </Field>
        )}
        {problem !== null && <Callout tone="warn" title={problem} />}
        {candidates.map((candidate, index) => (
          <CandidateView
            key={candidate.key}
            candidate={candidate}
            report={reports[index]?.data}
            error={reports[index]?.error ?? null}
            isReady={isUsable(reports[index]?.data)}
            replace={replace}
            alone={candidates.length === 1}
            onName={(name) => {
              if (way === "text") {
                setPasted((old) => ({ ...old, name }));
              } else {
                setFiles((old) =>
                  old.map((each) => (each.key === candidate.key ? { ...each, name } : each)),
                );
              }
            }}
            onRemove={
              way === "file"
                ? () => setFiles((old) => old.filter((each) => each.key !== candidate.key))
                : undefined
            }
          />
        ))}
        {error !== null && <Problem error={error} />}
      </div>
    </Sheet>
  );
}

/** What it is called: as was typed in, else as the file says. */
async function nameOf(candidate: Candidate): Promise<string> {
  if (candidate.name.trim() !== "") {
    return candidate.name;
  }
  const report = await call("validate_connector", { name: "", text: candidate.text });
  return report.name ?? "";
}

type DropProps = { folders: boolean; onTake: (chosen: Chosen[]) => void };

function FileDrop({ folders, onTake }: DropProps) {
  const [over, setOver] = useState(false);
  const file = useId();
  const folder = useId();
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void fromDrop(event.dataTransfer).then(onTake).catch(toastError);
  };
  const look =
    "inline-flex items-center gap-1.5 rounded-md border border-line2 bg-panel px-3 py-[5px] font-strong hover:bg-sunk has-[:focus-visible]:outline-2 has-[:focus-visible]:outline-accent";
  return (
    <section
      aria-label="Files"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
      className={cx(
        "grid justify-items-center gap-3 rounded-xl border border-dashed px-4 py-8 text-center",
        over ? "border-accent bg-accent-soft" : "border-line2 bg-sunk",
      )}
    >
      <p className="m-0 text-ink2">
        {folders ? "Drop files or a folder here, or choose" : "Drop a file here, or choose"}
      </p>
      <div className="flex flex-wrap justify-center gap-2">
        <label htmlFor={file} className={look}>
          <FileText aria-hidden size={14} /> {folders ? "Files…" : "A file…"}
          <input
            id={file}
            type="file"
            accept=".yaml,.yml"
            multiple={folders}
            className="sr-only"
            onChange={(event) => onTake(fromInput(event.currentTarget.files ?? []))}
          />
        </label>
        {folders && (
          <label htmlFor={folder} className={look}>
            <FolderOpen aria-hidden size={14} /> A folder…
            <input
              id={folder}
              type="file"
              // @ts-expect-error: every browser has it, React's types do not.
              webkitdirectory=""
              className="sr-only"
              onChange={(event) => onTake(fromInput(event.currentTarget.files ?? []))}
            />
          </label>
        )}
      </div>
      {folders && (
        <p className="m-0 max-w-[52ch] text-sm text-ink3">
          Of a folder, every <code className="font-mono">connector.yaml</code> and{" "}
          <code className="font-mono">manifest.yaml</code> is taken, also in folders inside. Nothing
          is added before you have seen what it is.
        </p>
      )}
    </section>
  );
}

type CandidateProps = {
  candidate: Candidate;
  report: ConnectorReport | undefined;
  error: BackendError | null;
  isReady: boolean;
  replace: string | undefined;
  alone: boolean;
  onName: (name: string) => void;
  onRemove: (() => void) | undefined;
};

/** A file that would be added: what it is, what is wrong with it, what it replaces. */
function CandidateView(props: CandidateProps) {
  const { candidate, report: data, error, isReady, replace, alone, onName, onRemove } = props;
  const replaces = replace ?? (data?.exists ? data.name : null);
  return (
    <section
      aria-label={candidate.name || "Pasted text"}
      className="grid gap-3 rounded-lg border border-line p-3"
    >
      <div className="flex items-start gap-2">
        <div className="min-w-0 flex-1">
          <p className="m-0 font-semibold">{data?.title ?? (candidate.name || "Pasted text")}</p>
          <p className="m-0 text-sm text-ink2">
            {data === undefined
              ? "Looking through it…"
              : data.streams.length === 0
                ? "Nothing can be read with it."
                : `Reads ${data.streams.slice(0, 6).join(", ")}${
                    data.streams.length > 6 ? ` and ${data.streams.length - 6} more` : ""
                  }.`}
          </p>
        </div>
        {onRemove !== undefined && (
          <IconButton
            label={`Leave ${candidate.name} out`}
            icon={<Trash2 aria-hidden size={14} />}
            onClick={onRemove}
          />
        )}
      </div>
      {replace === undefined && alone && (
        <Field
          required
          label="Name"
          hint="What connections call it: letters, digits and dashes."
          error={data !== undefined && data.name === null ? "This connector needs a name" : null}
        >
          {(control) => (
            <Input
              {...control}
              value={candidate.name}
              placeholder={data?.name ?? "my-connector"}
              onChange={(event) => onName(event.currentTarget.value)}
            />
          )}
        </Field>
      )}
      {error !== null && <Problem error={error} />}
      {data !== undefined && data.problems.length > 0 && <ProblemList problems={data.problems} />}
      {isReady && typeof replaces === "string" && (
        <details open={replace !== undefined || alone}>
          <summary className="font-strong">
            {replace === undefined ? `Replaces the connector “${replaces}”` : "What that changes"}
          </summary>
          <div className="mt-3">
            <Comparison request={{ connector: replaces, text: candidate.text, version: null }} />
          </div>
        </details>
      )}
    </section>
  );
}
