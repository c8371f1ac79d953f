/** What the trees, cables and panels show, derived from the document and the backend's answers. Nothing is stored. */
import { createContext, use, useMemo } from "react";
import type {
  DiagnosticView,
  FieldFailures,
  FieldPreview,
  FieldProfile,
  Mapping,
  MappingPreview,
  MappingReport,
  Rule,
  Samples,
  Suggestion,
} from "@/api/bindings";
import { type Cable, cablesOf, sourcesOf } from "./document";
import { isEmpty, parseFilter } from "./filter";
import { shortValue } from "./kinds";
import { valueAt } from "./path";
import { type SideName, useEditor, useEditorState, useMapping } from "./store";
import { type Facts, missingRequired, orphansOf, type Row, rowAt, visibleRows } from "./tree";

export type Model = {
  mapping: Mapping;
  rules: ReadonlyMap<string, Rule>;
  cables: readonly Cable[];
  /** Targets that each source fills. */
  targetsOf: ReadonlyMap<string, string[]>;
  record: unknown;
  samples: Samples | undefined;
  report: MappingReport | undefined;
  preview: MappingPreview | undefined;
  results: ReadonlyMap<string, FieldPreview>;
  problems: ReadonlyMap<string, DiagnosticView[]>;
  failures: ReadonlyMap<string, FieldFailures>;
  profiles: ReadonlyMap<string, FieldProfile>;
  suggestions: ReadonlyMap<string, Suggestion>;
  orphans: Record<SideName, string[]>;
};

export type Answers = {
  samples: Samples | undefined;
  report: MappingReport | undefined;
  preview: MappingPreview | undefined;
  suggestions: readonly Suggestion[];
};

const NONE: readonly Suggestion[] = [];

export function useModelOf({ samples, report, preview, suggestions }: Answers): Model {
  const { outlines } = useEditor();
  const mapping = useMapping();
  const sample = useEditorState((state) => state.sample);
  const drawn = useMemo(() => {
    const cables = cablesOf(mapping);
    const targetsOf = new Map<string, string[]>();
    for (const cable of cables) {
      const path = rowAt(outlines.source, cable.source)?.path ?? cable.source;
      targetsOf.set(path, [...(targetsOf.get(path) ?? []), cable.target]);
    }
    return {
      cables,
      targetsOf,
      rules: new Map(mapping.rules.map((rule) => [rule.target, rule])),
      orphans: {
        source: orphansOf(
          outlines.source,
          mapping.rules.flatMap((rule) =>
            rule.origin.kind === "fields" ? sourcesOf(rule.origin) : [],
          ),
        ),
        target: orphansOf(
          outlines.target,
          mapping.rules.map((rule) => rule.target),
        ),
      },
    };
  }, [mapping, outlines]);

  const said = useMemo(() => {
    const problems = new Map<string, DiagnosticView[]>();
    for (const problem of report?.diagnostics ?? []) {
      const target = problem.target ?? "";
      problems.set(target, [...(problems.get(target) ?? []), problem]);
    }
    return {
      problems,
      failures: new Map((report?.failing ?? []).map((each) => [each.target, each])),
    };
  }, [report]);

  const profiles = useMemo(
    () => new Map((samples?.profile ?? []).map((each) => [each.path, each])),
    [samples],
  );
  const results = useMemo(
    () => new Map((preview?.fields ?? []).map((each) => [each.target, each])),
    [preview],
  );
  const proposed = useMemo(() => {
    const best = new Map<string, Suggestion>();
    for (const suggestion of suggestions.length > 0 ? suggestions : NONE) {
      if (!best.has(suggestion.rule.target) && !drawn.rules.has(suggestion.rule.target)) {
        best.set(suggestion.rule.target, suggestion);
      }
    }
    return best;
  }, [suggestions, drawn.rules]);

  const record =
    samples?.records[sample] ?? (preview?.sample === sample ? preview.source : undefined);
  return useMemo(
    () => ({
      mapping,
      ...drawn,
      ...said,
      samples,
      report,
      preview,
      profiles,
      results,
      suggestions: proposed,
      record,
    }),
    [mapping, drawn, said, samples, report, preview, profiles, results, proposed, record],
  );
}

export const ModelContext = createContext<Model | null>(null);

export function useModel(): Model {
  const model = use(ModelContext);
  if (!model) {
    throw new Error("useModel needs the mapping editor around it");
  }
  return model;
}

export type Listing = {
  rows: Row[];
  /** Target fields that must be filled and are not: they stand on top and do not scroll. */
  pinned: Row[];
  indexOf: ReadonlyMap<string, number>;
  pinnedIndexOf: ReadonlyMap<string, number>;
  facts: Facts;
};

/** Most rows on top; the rest stay in their places. */
const MOST_PINNED = 4;

export function useListing(side: SideName, model: Model): Listing {
  const { outlines } = useEditor();
  const outline = outlines[side];
  const closed = useEditorState((state) => state.closed[side]);
  const query = useEditorState((state) => state.query[side]);
  const { rules, targetsOf, record, problems, results } = model;
  const facts = useMemo<Facts>(() => {
    if (side === "source") {
      return {
        isMapped: (path) => targetsOf.has(path),
        hasProblem: () => false,
        sample: (path) => shortValue(valueAt(record, path), 400),
      };
    }
    return {
      isMapped: (path) => rules.has(path),
      hasProblem: (path) => problems.has(path) || results.get(path)?.result.problem != null,
      sample: (path) => shortValue(results.get(path)?.result.value, 400),
    };
  }, [side, rules, targetsOf, record, problems, results]);

  return useMemo(() => {
    const filter = parseFilter(query);
    const pinned =
      side === "target" && isEmpty(filter)
        ? missingRequired(outline, facts.isMapped).slice(0, MOST_PINNED)
        : [];
    const onTop = new Set(pinned.map((row) => row.path));
    const rows = visibleRows(outline, closed, filter, facts, model.orphans[side]).filter(
      (row) => !onTop.has(row.path),
    );
    return {
      rows,
      pinned,
      facts,
      indexOf: new Map(rows.map((row, index) => [row.path, index])),
      pinnedIndexOf: new Map(pinned.map((row, index) => [row.path, index])),
    };
  }, [outline, closed, query, facts, side, model.orphans]);
}

/** The worst that is said of a target. */
export function severityOf(model: Model, target: string): "error" | "warning" | null {
  const problems = model.problems.get(target) ?? [];
  if (problems.some((problem) => problem.severity === "error")) {
    return "error";
  }
  return problems.some((problem) => problem.severity === "warning") || model.failures.has(target)
    ? "warning"
    : null;
}
