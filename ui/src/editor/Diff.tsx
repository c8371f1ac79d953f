import { useMemo } from "react";
import { cx } from "@/components/cx";
import { type DiffLine, diffLines, hunks } from "@/editor/diff";
import { counted } from "@/format/count";

type Props = { before: string; after: string; label: string };

/** Two texts line by line: what went, what came, and a few lines around it. */
export function Diff({ before, after, label }: Props) {
  const found = useMemo(() => hunks(diffLines(before, after)), [before, after]);
  const changed = found.some((hunk) => "lines" in hunk);
  if (!changed) {
    return <p className="m-0 text-ink2">Both are the same, line by line.</p>;
  }
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
      className="max-h-[60vh] overflow-auto rounded-lg border border-line bg-panel font-mono text-sm"
    >
      <table className="w-full border-collapse">
        <thead className="sr-only">
          <tr>
            <th scope="col">Line before</th>
            <th scope="col">Line after</th>
            <th scope="col">What became of it</th>
            <th scope="col">Text</th>
          </tr>
        </thead>
        <tbody>
          {found.map((hunk, index) =>
            "lines" in hunk ? (
              hunk.lines.map((line) => <Line key={`${line.before}-${line.after}`} line={line} />)
            ) : (
              // biome-ignore lint/suspicious/noArrayIndexKey: hunks have nothing but their order.
              <tr key={index} className="bg-sunk text-ink3">
                <td colSpan={4} className="px-3 py-1 font-sans text-xs">
                  {counted(hunk.left_out, "line")} the same
                </td>
              </tr>
            ),
          )}
        </tbody>
      </table>
    </section>
  );
}

const looks = {
  same: { className: "", sign: "", words: "same" },
  gone: { className: "bg-bad-soft", sign: "−", words: "went" },
  new: { className: "bg-ok-soft", sign: "+", words: "came" },
} as const;

function Line({ line }: { line: DiffLine }) {
  const look = looks[line.kind];
  return (
    <tr className={look.className}>
      <td className="w-10 px-1.5 text-right text-ink2 select-none">{line.before}</td>
      <td className="w-10 px-1.5 text-right text-ink2 select-none">{line.after}</td>
      <td className="w-5 text-center text-ink2 select-none">
        <span aria-hidden>{look.sign}</span>
        <span className="sr-only">{look.words}</span>
      </td>
      <td className={cx("pr-3 whitespace-pre", line.kind === "same" && "text-ink2")}>
        {line.text || " "}
      </td>
    </tr>
  );
}
