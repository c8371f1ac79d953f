import { CircleX, TriangleAlert } from "lucide-react";
import type { ConnectorProblem } from "@/api/bindings";

type Props = {
  problems: readonly ConnectorProblem[];
  /** Brings the place into view. */
  onShow?: (problem: ConnectorProblem) => void;
};

/** What is to be said about a connector file, with its places. */
export function ProblemList({ problems, onShow }: Props) {
  return (
    <ul aria-label="Problems" className="m-0 grid list-none gap-2 p-0">
      {problems.map((problem) => (
        <li
          key={`${problem.line}:${problem.column}:${problem.path}:${problem.problem}`}
          className="flex items-start gap-2"
        >
          {problem.is_error ? (
            <CircleX aria-label="Error" size={14} className="mt-0.5 shrink-0 text-bad" />
          ) : (
            <TriangleAlert aria-label="Note" size={14} className="mt-0.5 shrink-0 text-warn" />
          )}
          <div className="min-w-0 break-words">
            <p className="m-0">{problem.problem}</p>
            <p className="m-0 text-sm text-ink2">
              {problem.is_error ? `Expected: ${problem.expected}.` : `${upper(problem.expected)}.`}
            </p>
            <p className="m-0 text-sm text-ink3">
              {problem.line !== null && problem.line !== undefined && (
                <Place problem={problem} onShow={onShow} />
              )}
              {problem.path !== "" && <code className="font-mono"> {problem.path}</code>}
            </p>
          </div>
        </li>
      ))}
    </ul>
  );
}

function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function Place({ problem, onShow }: { problem: ConnectorProblem; onShow: Props["onShow"] }) {
  const words = `Line ${problem.line}, column ${problem.column}`;
  return onShow === undefined ? (
    words
  ) : (
    <button
      type="button"
      onClick={() => onShow(problem)}
      className="border-0 bg-transparent p-0 text-sm text-ink2 underline hover:text-ink"
    >
      {words}
    </button>
  );
}
