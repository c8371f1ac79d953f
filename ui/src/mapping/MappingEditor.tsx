import "./mapping.css";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { StreamDetail, SyncDetail, TransformView } from "@/api/bindings";
import { sync } from "@/api/queries";
import { Button, buttonClass } from "@/components/Button";
import { Page } from "@/components/Page";
import { Callout, Problem } from "@/components/Problem";
import { makeActions } from "./actions";
import { SyncCrumb } from "./EditorBar";
import { restore } from "./history";
import { useTransforms } from "./server";
import {
  createStore,
  type Editor,
  EditorContext,
  type EditorState,
  type SideName,
  startState,
  type TreeHandle,
  type Viewport,
} from "./store";
import { outlineOf } from "./tree";
import { Workbench } from "./Workbench";

/** Draws which field fills which: two trees, cables between them, and what would come of it. */
export function MappingEditor({ syncId }: { syncId: string }) {
  const detail = useQuery(sync(syncId));
  const transforms = useTransforms();
  const error = detail.data ? transforms.error : (detail.error ?? transforms.error);
  if (error) {
    return (
      <Page title="Mapping" crumb={<SyncCrumb />}>
        <Problem
          error={error}
          actions={
            <Button
              onClick={() => {
                void detail.refetch();
                void transforms.refetch();
              }}
            >
              Try again
            </Button>
          }
        />
      </Page>
    );
  }
  if (!detail.data || !transforms.data) {
    return (
      <Page title="…" crumb={<SyncCrumb />} fixed>
        <Waiting />
      </Page>
    );
  }
  const { source, target } = detail.data;
  if (!source || !target) {
    return <Unreachable detail={detail.data} onRetry={() => void detail.refetch()} />;
  }
  return (
    <Ready
      syncId={syncId}
      detail={detail.data}
      source={source}
      target={target}
      transforms={transforms.data}
    />
  );
}

type ReadyProps = {
  syncId: string;
  detail: SyncDetail;
  source: StreamDetail;
  target: StreamDetail;
  transforms: TransformView[];
};

function Ready({ syncId, detail, source, target, transforms }: ReadyProps) {
  // What lives as long as the screen: the store, and the trees that have said how they can be reached.
  const [lasting] = useState(() => ({
    store: createStore<EditorState>(
      startState(restore(window.sessionStorage, syncId, detail.mapping)),
    ),
    viewport: createStore<Viewport>({ scroll: { source: 0, target: 0 }, width: 0, height: 0 }),
    trees: { source: null, target: null } as Record<SideName, TreeHandle | null>,
    suggestions: { current: [] } as Editor["suggestions"],
  }));
  const outlines = useMemo(
    () => ({ source: outlineOf(source.schema), target: outlineOf(target.schema) }),
    [source.schema, target.schema],
  );
  const editor = useMemo<Editor>(() => {
    const byName = new Map(transforms.map((each) => [each.name, each]));
    return {
      ...lasting,
      syncId,
      detail,
      outlines,
      transforms: byName,
      act: makeActions({ ...lasting, outlines, transforms: byName }),
    };
  }, [lasting, syncId, detail, outlines, transforms]);
  return (
    <EditorContext value={editor}>
      <Workbench />
    </EditorContext>
  );
}

function Unreachable({ detail, onRetry }: { detail: SyncDetail; onRetry: () => void }) {
  const side = detail.source ? detail.summary.target : detail.summary.source;
  return (
    <Page title={detail.summary.name} crumb={<SyncCrumb />}>
      <Callout
        tone={detail.problem?.severity === "warning" ? "warn" : "bad"}
        title={
          detail.problem?.message ??
          `The fields of ${side.connection_name} · ${side.stream_label} could not be read.`
        }
        actions={
          <>
            <Button onClick={onRetry}>Try again</Button>
            <Link
              to="/connections/$connection"
              params={{ connection: side.connection }}
              className={buttonClass()}
            >
              Open {side.connection_name}
            </Link>
          </>
        }
      >
        {detail.problem?.hint}
        <p className="m-0 mt-1">The mapping of {detail.mapping.rules.length} fields is kept.</p>
      </Callout>
    </Page>
  );
}

/** Two columns of bars where the trees will be. */
function Waiting() {
  return (
    <div className="map-work" aria-busy role="status" aria-label="Reading the fields">
      {(["source", "target"] as const).map((side) => (
        <div
          key={side}
          className={`map-tree map-tree-${side} ${side === "target" ? "col-start-3" : ""}`}
        >
          <div className="map-tree-head" />
          <div className="grid gap-3 p-3">
            {Array.from({ length: 12 }, (_, index) => (
              <div
                // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same.
                key={index}
                className="h-4 animate-shimmer rounded bg-sunk"
                style={{ width: `${60 + ((index * 37) % 35)}%` }}
              />
            ))}
          </div>
        </div>
      ))}
    </div>
  );
}
