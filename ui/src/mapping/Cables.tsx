import { type RefObject, useEffect, useMemo, useState } from "react";
import { cx } from "@/components/cx";
import { typeColor } from "@/components/TypeBadge";
import { chipParts } from "./chips";
import { type Cable, ruleOf } from "./document";
import { rowShown } from "./FieldTree";
import {
  type ChipPlace,
  type Curve,
  chipHalfWidth,
  curvesOf,
  headsOf,
  pathOf,
  placeChips,
  placeOf,
  ROW,
  type Side,
  type Stub,
  stubsOf,
} from "./layout";
import { type Listing, severityOf, useModel } from "./model";
import { leafOf } from "./path";
import { useEditor, useEditorState, useStore } from "./store";
import { rowAt } from "./tree";
import { useWays } from "./use-ways";
import { flowsOf } from "./ways";

/** Height of a tree's header: both are the same, so that rows begin at the same height. */
const HEAD = 72;

type ChipModel = {
  key: string;
  parts: string[];
  curve: Curve;
  /** Null for a bundle. */
  target: string | null;
  isOn: boolean;
  severity: "error" | "warning" | null;
};

type Props = {
  source: Listing;
  target: Listing;
  gutter: RefObject<HTMLDivElement | null>;
  ghost: RefObject<SVGPathElement | null>;
};

/** The gutter: cables, their chips, and stubs of what is scrolled away. The one place that measures. */
export function Cables({ source, target, gutter, ghost }: Props) {
  const { viewport, outlines, act, store, trees } = useEditor();
  const model = useModel();
  const { twoWay, trips } = useWays();
  const { width, height, scroll } = useStore(viewport, (now) => now);
  const selection = useEditorState((state) => state.selection);
  const isDragging = useEditorState((state) => state.dragged.length > 0);
  const picked = useEditorState((state) => state.picked);
  const [hovered, setHovered] = useState<string | null>(null);

  useEffect(() => {
    const element = gutter.current;
    if (!element) {
      return;
    }
    const observer = new ResizeObserver(() =>
      viewport.set({ width: element.clientWidth, height: element.clientHeight }),
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [gutter, viewport]);

  const sides = useMemo(() => {
    const side = (listing: Listing, top: number): Side => ({
      indexOf: listing.indexOf,
      pinned: listing.pinnedIndexOf,
      pinnedTop: HEAD,
      top: HEAD + listing.pinned.length * ROW,
      bottom: height,
      scroll: top,
    });
    return { source: side(source, scroll.source), target: side(target, scroll.target) };
  }, [source, target, scroll, height]);

  const curves = useMemo(
    () =>
      width === 0
        ? []
        : curvesOf(
            model.cables,
            sides.source,
            sides.target,
            (path) => rowShown(source, outlines.source, path),
            (path) => rowShown(target, outlines.target, path),
          ),
    [model.cables, sides, source, target, outlines, width],
  );

  const isSelected = (cable: Cable): boolean => {
    switch (selection.kind) {
      case "none":
        return false;
      case "target":
        return cable.target === selection.path;
      case "source":
        return selection.paths.includes(rowAt(outlines.source, cable.source)?.path ?? cable.source);
    }
  };

  const drawn = curves.map((curve) => {
    const [first] = curve.cables;
    const rule =
      first && curve.cables.length === 1 ? ruleOf(model.mapping, first.target) : undefined;
    const key = `${curve.from}\n${curve.to}`;
    return {
      key,
      curve,
      rule,
      isOn: curve.cables.some(isSelected),
      severity: rule ? severityOf(model, rule.target) : null,
    };
  });
  const isQuiet = selection.kind !== "none" && drawn.some((each) => each.isOn);

  // One chip a rule, on its first cable that can be seen; a bundle says how many it holds.
  const seen = new Set<string>();
  const chips = drawn.flatMap(({ key, curve, rule, isOn, severity }): ChipModel[] => {
    if (!rule) {
      return [
        {
          key,
          parts: [`${curve.cables.length} fields`],
          curve,
          target: null,
          isOn,
          severity,
        },
      ];
    }
    const parts = chipParts(rule);
    if (parts.length === 0 || seen.has(rule.target)) {
      return [];
    }
    seen.add(rule.target);
    return [{ key, parts, curve, target: rule.target, isOn, severity }];
  });

  const constants = model.mapping.rules.flatMap((rule) => {
    const isLoose =
      rule.origin.kind === "constant" ||
      (rule.origin.kind === "expression" &&
        !model.cables.some((cable) => cable.target === rule.target));
    const shown = isLoose ? rowShown(target, outlines.target, rule.target) : null;
    const place = shown === rule.target ? placeOf(sides.target, shown) : null;
    return place && place.edge === "none" ? [{ rule, y: place.y }] : [];
  });

  /** Every cable of the chip's rule that can be seen. */
  const linesOf = ({ curve, target }: ChipModel): { start: number; end: number }[] => {
    const own =
      target === null
        ? [curve]
        : drawn.flatMap((each) => (each.rule?.target === target ? [each.curve] : []));
    return own.map(({ start, end }) => ({ start: start.y, end: end.y }));
  };

  const places = placeChips(
    width,
    chips.map((chip) => ({
      key: chip.key,
      lines: linesOf(chip),
      halfWidth: chipHalfWidth(chip.parts.join(" › ")),
      isSelected: chip.isOn,
    })),
    constants.map(({ rule, y }) => {
      const halfWidth = Math.min(70, chipHalfWidth(chipParts(rule).join(" › ")) + 4);
      return { x: width - 18 - halfWidth, y, halfWidth };
    }),
  );

  const colorOf = (cable: Cable | undefined): string =>
    typeColor((cable && rowAt(outlines.source, cable.source)?.field.type) ?? "any");

  return (
    <section
      ref={gutter}
      className="map-gutter"
      aria-label="Cables"
      onPointerDown={(event) => {
        if (event.target === event.currentTarget) {
          act.select({ kind: "none" });
        }
      }}
    >
      <svg className="map-cables" width={width} height={height} aria-hidden>
        {[...drawn]
          .sort((a, b) => Number(a.isOn || a.key === hovered) - Number(b.isOn || b.key === hovered))
          .map(({ key, curve, isOn, rule, severity }) => {
            const path = pathOf(width, curve.start.y, curve.end.y);
            // One way is the usual one and needs no arrows.
            const flows =
              twoWay !== null && rule !== undefined && flowsOf(twoWay, rule.target, trips);
            const isDashed = curve.cables.length > 1 || curve.cables[0]?.kind === "expression";
            return (
              // biome-ignore lint/a11y/noStaticElementInteractions: the rows of the trees are the way for the keyboard.
              <g
                key={key}
                className={cx(
                  "map-cable",
                  isOn && "is-on",
                  isQuiet && !isOn && "is-quiet",
                  hovered === key && "is-hovered",
                )}
                style={{
                  ["--c" as string]: severity === "error" ? "var(--bad)" : colorOf(curve.cables[0]),
                }}
                onPointerEnter={() => setHovered(key)}
                onPointerLeave={() => setHovered(null)}
                onClick={() => {
                  if (rule) {
                    act.select({ kind: "target", path: rule.target });
                    trees.target?.focus();
                  } else {
                    act.setOpen("source", curve.from, true);
                    act.setOpen("target", curve.to, true);
                  }
                }}
              >
                <path className="map-cable-hit" d={path} />
                <path
                  className="map-cable-line"
                  d={path}
                  strokeDasharray={isDashed ? "6 4" : undefined}
                />
                {flows && (
                  <path
                    className={cx("map-cable-heads", flows.isLossy && "is-lossy")}
                    d={headsOf(width, curve.start.y, curve.end.y, flows)}
                  />
                )}
              </g>
            );
          })}
        {constants.map(({ rule, y }) => (
          <path
            key={rule.target}
            className="map-cable-line map-stem"
            d={`M${width - 26} ${y}H${width}`}
          />
        ))}
        {isDragging && <path ref={ghost} className="map-ghost-line" />}
      </svg>
      {constants.map(({ rule, y }) => (
        <button
          key={rule.target}
          type="button"
          tabIndex={-1}
          className={cx(
            "map-chip map-chip-constant",
            selection.kind === "target" && selection.path === rule.target && "is-on",
            severityOf(model, rule.target) === "error" && "is-wrong",
          )}
          style={{ right: 18, top: y }}
          onClick={() => act.select({ kind: "target", path: rule.target })}
        >
          <ChipText parts={chipParts(rule)} />
        </button>
      ))}
      {chips.map((chip) => (
        <Chip
          key={chip.key}
          parts={chip.parts}
          place={places.get(chip.key)}
          tone={
            chip.isOn
              ? "on"
              : chip.severity === "error"
                ? "wrong"
                : chip.severity === "warning"
                  ? "warn"
                  : "plain"
          }
          isQuiet={isQuiet && !chip.isOn}
          label={
            chip.target === null
              ? `Open ${leafOf(chip.curve.from)} and ${leafOf(chip.curve.to)}`
              : `Steps into ${chip.target}: ${chip.parts.join(", ")}`
          }
          onHover={(is) => setHovered(is ? chip.key : null)}
          onPress={() => {
            if (chip.target === null) {
              act.setOpen("source", chip.curve.from, true);
              act.setOpen("target", chip.curve.to, true);
            } else {
              act.select({ kind: "target", path: chip.target });
              store.set({ step: { kind: "edit", at: 0 } });
            }
          }}
        />
      ))}
      {stubsOf(curves).map((stub) => (
        <StubMark
          key={stub.side + stub.edge}
          stub={stub}
          onPress={() => trees[stub.side]?.scrollTo(nearest(stub))}
        />
      ))}
      {picked.length > 0 && (
        <p className="map-hint">
          Choose a target for <b>{picked.map(leafOf).join(" + ")}</b>
          <span>Shift combines · Alt falls back · Esc</span>
        </p>
      )}
    </section>
  );
}

/** What is nearest to the edge comes into sight first. */
function nearest(stub: Stub): string {
  return (stub.edge === "above" ? stub.paths.at(-1) : stub.paths[0]) ?? "";
}

function ChipText({ parts }: { parts: string[] }) {
  return parts.map((part, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the same step may stand twice.
    <span key={index}>
      {index > 0 && <s aria-hidden>›</s>}
      {part}
    </span>
  ));
}

type ChipProps = {
  parts: string[];
  place: ChipPlace | undefined;
  tone: "plain" | "on" | "warn" | "wrong";
  isQuiet: boolean;
  label: string;
  onHover: (is: boolean) => void;
  onPress: () => void;
};

function Chip({ parts, place, tone, isQuiet, label, onHover, onPress }: ChipProps) {
  return (
    place && (
      <button
        type="button"
        tabIndex={-1}
        aria-label={label}
        className={cx("map-chip", tone !== "plain" && `is-${tone}`, isQuiet && "is-quiet")}
        style={{ left: place.x, top: place.y }}
        onPointerEnter={() => onHover(true)}
        onPointerLeave={() => onHover(false)}
        onClick={onPress}
      >
        <ChipText parts={parts} />
      </button>
    )
  );
}

function StubMark({ stub, onPress }: { stub: Stub; onPress: () => void }) {
  const [only] = stub.paths;
  const text =
    stub.paths.length === 1 && only !== undefined ? leafOf(only) : `${stub.paths.length} more`;
  return (
    <button
      type="button"
      tabIndex={-1}
      className={cx("map-stub", `is-${stub.side}`, `is-${stub.edge}`)}
      style={{ top: stub.edge === "above" ? stub.y + 2 : stub.y - 22 }}
      onClick={onPress}
    >
      {stub.edge === "above" ? "↑" : "↓"} {text}
    </button>
  );
}
