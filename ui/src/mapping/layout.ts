/**
 * Addresses and rectangles → curves. Pure: the numbers come from one component that measures.
 *
 * All coordinates are of the gutter: x from 0 (source side) to `width`, y from its top. A row that is scrolled out
 * of its tree lends its cable a stub at the edge; two ends beyond the same edge, and the cable is not drawn at all.
 */
import type { Cable } from "./document";

/** Height of every row, in pixels. */
export const ROW = 34;

export type Side = {
  /** Index of each visible row, by path. */
  indexOf: ReadonlyMap<string, number>;
  /** Rows that do not scroll and stand on top: their index, by path. */
  pinned: ReadonlyMap<string, number>;
  /** Where the pinned rows begin, and where the scrolling part begins and ends. */
  pinnedTop: number;
  top: number;
  bottom: number;
  scroll: number;
};

export type Place = { y: number; edge: "none" | "above" | "below" };

/** Middle of a row, or the edge beyond which it is. */
export function placeOf(side: Side, path: string): Place | null {
  const pinned = side.pinned.get(path);
  if (pinned !== undefined) {
    return { y: side.pinnedTop + pinned * ROW + ROW / 2, edge: "none" };
  }
  const index = side.indexOf.get(path);
  if (index === undefined) {
    return null;
  }
  const y = side.top + index * ROW + ROW / 2 - side.scroll;
  // Half a row in, the jack can still be seen.
  return y < side.top + 4
    ? { y: side.top, edge: "above" }
    : y > side.bottom - 4
      ? { y: side.bottom, edge: "below" }
      : { y, edge: "none" };
}

export type Curve = {
  /** Rows that the curve joins: the nearest ancestors that can be seen. */
  from: string;
  to: string;
  /** The cables it stands for: more than one when branches are closed. */
  cables: Cable[];
  start: Place;
  end: Place;
};

/** Cables → curves between visible rows; those that would lie on one another are one. */
export function curvesOf(
  cables: readonly Cable[],
  source: Side,
  target: Side,
  sourceRow: (path: string) => string | null,
  targetRow: (path: string) => string | null,
): Curve[] {
  const curves = new Map<string, Curve>();
  for (const cable of cables) {
    const [from, to] = [sourceRow(cable.source), targetRow(cable.target)];
    const start = from === null ? null : placeOf(source, from);
    const end = to === null ? null : placeOf(target, to);
    if (
      from === null ||
      to === null ||
      !start ||
      !end ||
      (start.edge !== "none" && end.edge !== "none")
    ) {
      continue;
    }
    const key = `${from}\n${to}`;
    const known = curves.get(key);
    if (known) {
      known.cables.push(cable);
    } else {
      curves.set(key, { from, to, cables: [cable], start, end });
    }
  }
  return [...curves.values()];
}

/** The curve as an SVG path. */
export function pathOf(width: number, start: number, end: number): string {
  return `M0 ${start}C${round(width * 0.42)} ${start} ${round(width * 0.58)} ${end} ${width} ${end}`;
}

/** Arrowheads at the ends of a cable, clear of its jacks. */
export function headsOf(
  width: number,
  start: number,
  end: number,
  flows: { toTarget: boolean; toSource: boolean },
): string {
  const head = (tip: number, back: number, y: number) => `M${tip} ${y}L${back} ${y - 5}V${y + 5}Z`;
  return [
    flows.toTarget ? head(width - 8, width - 17, end) : "",
    flows.toSource ? head(8, 17, start) : "",
  ].join("");
}

/** The point at share `t` of the way across, as the drawn Bézier has it. */
export function pointAt(
  width: number,
  start: number,
  end: number,
  t: number,
): { x: number; y: number } {
  const u = 1 - t;
  const [b1, b2, b3] = [3 * u * u * t, 3 * u * t * t, t * t * t];
  return { x: width * (0.42 * b1 + 0.58 * b2 + b3), y: start * (u * u * u + b1) + end * (b2 + b3) };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export type Chip = {
  key: string;
  /** Heights at which its cables begin and end: it may stand on any of them. */
  lines: { start: number; end: number }[];
  halfWidth: number;
  isSelected: boolean;
};
/** Something in the gutter that chips keep away from. */
export type Obstacle = { x: number; y: number; halfWidth: number };
export type ChipPlace = { x: number; y: number };

const CHIP_HEIGHT = 24;
/** Tried in this order: the middle first. */
const SHARES = [0.5, 0.38, 0.62, 0.28, 0.72, 0.2, 0.8];

/** Places for the chips: on their cable, within the gutter, where possible not on one another. */
export function placeChips(
  width: number,
  chips: readonly Chip[],
  obstacles: readonly Obstacle[] = [],
): Map<string, ChipPlace> {
  const places = new Map<string, ChipPlace>();
  const taken = [...obstacles];
  // The selected one gets the best place; then the flat cables, whose chips have nowhere else to go.
  const order = [...chips].sort(
    (a, b) => Number(b.isSelected) - Number(a.isSelected) || freedom(a) - freedom(b),
  );
  for (const chip of order) {
    const points = chip.lines.flatMap(({ start, end }) =>
      SHARES.map((t) => pointAt(width, start, end, t)),
    );
    const inside = points.filter(
      ({ x }) => x >= chip.halfWidth + 8 && x <= width - chip.halfWidth - 8,
    );
    const candidates = inside.length > 0 ? inside : points.slice(0, 1);
    const overlap = (place: ChipPlace) =>
      taken.reduce((sum, other) => {
        const across = Math.min(
          0,
          Math.abs(place.x - other.x) - chip.halfWidth - other.halfWidth - 4,
        );
        const down = Math.min(0, Math.abs(place.y - other.y) - CHIP_HEIGHT);
        return sum + across * down;
      }, 0);
    const best = candidates.reduce((a, b) => (overlap(b) < overlap(a) ? b : a));
    places.set(chip.key, best);
    taken.push({ ...best, halfWidth: chip.halfWidth });
  }
  return places;
}

/** How far up and down a chip can go. */
function freedom({ lines }: Chip): number {
  return lines.reduce((sum, { start, end }) => sum + Math.abs(start - end), 0);
}

/** Half the width of a chip with this text, in the chip's font. Measuring would force a layout for each. */
export function chipHalfWidth(text: string): number {
  return (18 + text.length * 6.1) / 2;
}

export type Stub = {
  side: "source" | "target";
  edge: "above" | "below";
  y: number;
  paths: string[];
};

/** Ends that are out of sight, gathered by edge: a click scrolls to the nearest. */
export function stubsOf(curves: readonly Curve[]): Stub[] {
  const stubs = new Map<string, Stub>();
  const add = (side: Stub["side"], place: Place, path: string) => {
    if (place.edge === "none") {
      return;
    }
    const key = side + place.edge;
    const stub = stubs.get(key) ?? { side, edge: place.edge, y: place.y, paths: [] };
    stubs.set(key, stub);
    if (!stub.paths.includes(path)) {
      stub.paths.push(path);
    }
  };
  for (const curve of curves) {
    add("source", curve.start, curve.from);
    add("target", curve.end, curve.to);
  }
  return [...stubs.values()];
}

/** Pixels to scroll per frame when the pointer is this near an edge. */
export function autoScroll(y: number, top: number, bottom: number, zone = 40): number {
  if (y < top + zone) {
    return -Math.ceil(Math.min(zone, top + zone - y) / 3);
  }
  if (y > bottom - zone) {
    return Math.ceil(Math.min(zone, y - bottom + zone) / 3);
  }
  return 0;
}
