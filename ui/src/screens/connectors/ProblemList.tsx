import { CircleX, TriangleAlert } from "lucide-react";
import type { ConnectorProblem } from "@/api/bindings";
import { Quoted } from "@/components/Quoted";
import { correction, expectedWords } from "@/screens/connectors/problems";

type Props = {
  problems: readonly ConnectorProblem[];
  /** Brings the place into view. */
  onShow?: (problem: ConnectorProblem) => void;
  /** Puts a misspelt word right. */
  onCorrect?: (problem: ConnectorProblem) => void;
};

const asLink = "border-0 bg-transparent p-0 text-sm text-ink2 underline hover:text-ink";

/** What is to be said about a connector file, with its places. */
export function ProblemList({ problems, onShow, onCorrect }: Props) {
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
            <p className="m-0">
              <Quoted text={problem.problem} />
            </p>
            <p className="m-0 text-sm text-ink2">
              <Quoted text={expectedWords(problem)} />{" "}
              {onCorrect !== undefined && correction(problem) !== null && (
                <button type="button" onClick={() => onCorrect(problem)} className={asLink}>
                  Put it right
                </button>
              )}
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

function Place({ problem, onShow }: { problem: ConnectorProblem; onShow: Props["onShow"] }) {
  const words = `Line ${problem.line}, column ${problem.column}`;
  return onShow === undefined ? (
    words
  ) : (
    <button type="button" onClick={() => onShow(problem)} className={asLink}>
      {words}
    </button>
  );
}
