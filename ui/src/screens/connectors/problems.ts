import type { ConnectorProblem } from "@/api/bindings";

/** What would be right, as a sentence. */
export function expectedWords({ expected }: ConnectorProblem): string {
  const nearest = /^perhaps (.+)$/.exec(expected)?.[1];
  return nearest === undefined ? `Expected: ${expected}.` : `Did you mean ${nearest}?`;
}

/** The word that was misspelt and what was probably meant. */
export function correction(problem: ConnectorProblem): { wrong: string; right: string } | null {
  const wrong = /`([^`]+)`/.exec(problem.problem)?.[1];
  const right = /^perhaps `([^`]+)`$/.exec(problem.expected)?.[1];
  return wrong === undefined || right === undefined || typeof problem.line !== "number"
    ? null
    : { wrong, right };
}

/** The text with the misspelt word put right; null where it does not stand in its line. */
export function corrected(text: string, problem: ConnectorProblem): string | null {
  const found = correction(problem);
  const lines = text.split("\n");
  const at = (problem.line ?? 0) - 1;
  const line = lines[at];
  if (found === null || line === undefined) {
    return null;
  }
  const isPart = (c: string | undefined) => c !== undefined && /[\w-]/.test(c);
  for (
    let from = line.indexOf(found.wrong);
    from >= 0;
    from = line.indexOf(found.wrong, from + 1)
  ) {
    const end = from + found.wrong.length;
    if (!isPart(line[from - 1]) && !isPart(line[end])) {
      lines[at] = line.slice(0, from) + found.right + line.slice(end);
      return lines.join("\n");
    }
  }
  return null;
}
