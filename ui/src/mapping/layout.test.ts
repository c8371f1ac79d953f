import { describe, expect, test } from "vitest";
import type { Cable } from "./document";
import {
  autoScroll,
  chipHalfWidth,
  curvesOf,
  pathOf,
  placeChips,
  placeOf,
  pointAt,
  ROW,
  type Side,
  stubsOf,
} from "./layout";

function side(paths: string[], scroll = 0, pinned: string[] = []): Side {
  return {
    indexOf: new Map(paths.map((path, at) => [path, at])),
    pinned: new Map(pinned.map((path, at) => [path, at])),
    pinnedTop: 72,
    top: 72 + pinned.length * ROW,
    bottom: 72 + 10 * ROW,
    scroll,
  };
}

const cable = (source: string, target: string): Cable => ({
  source,
  target,
  order: 0,
  kind: "field",
});
const many = Array.from({ length: 100 }, (_, at) => `f${at}`);

describe("a row's place", () => {
  test("is its middle, less what is scrolled", () => {
    expect(placeOf(side(["a", "b"]), "b")).toEqual({ y: 72 + ROW * 1.5, edge: "none" });
    expect(placeOf(side(many, ROW), "f1")).toEqual({ y: 72 + ROW / 2, edge: "none" });
  });

  test("is the edge beyond which it lies", () => {
    expect(placeOf(side(many), "f50")).toEqual({ y: 72 + 10 * ROW, edge: "below" });
    expect(placeOf(side(many, 40 * ROW), "f1")).toEqual({ y: 72, edge: "above" });
  });

  test("does not move for pinned rows", () => {
    expect(placeOf(side(many, 500, ["x"]), "x")).toEqual({ y: 72 + ROW / 2, edge: "none" });
  });

  test("is nowhere for rows that are not in the list", () => {
    expect(placeOf(side(["a"]), "b")).toBeNull();
  });
});

describe("curves", () => {
  const same = (path: string) => path;

  test("of cables into the same closed branches are one", () => {
    const parent = (path: string) => path.split(".")[0] ?? null;
    const curves = curvesOf(
      [cable("a.x", "b.x"), cable("a.y", "b.y"), cable("c", "b.z")],
      side(["a", "c"]),
      side(["b"]),
      parent,
      parent,
    );
    expect(curves.map((curve) => [curve.from, curve.to, curve.cables.length])).toEqual([
      ["a", "b", 2],
      ["c", "b", 1],
    ]);
  });

  test("with both ends out of sight are not drawn, with one end they get a stub", () => {
    const curves = curvesOf(
      [cable("f50", "f60"), cable("f1", "f50"), cable("f2", "f51")],
      side(many),
      side(many),
      same,
      same,
    );
    expect(curves.map((curve) => curve.from)).toEqual(["f1", "f2"]);
    expect(stubsOf(curves)).toEqual([
      { side: "target", edge: "below", y: 72 + 10 * ROW, paths: ["f50", "f51"] },
    ]);
  });

  test("leave and arrive level", () => {
    expect(pathOf(200, 10, 90)).toBe("M0 10C84 10 116 90 200 90");
    expect(pointAt(200, 10, 90, 0)).toEqual({ x: 0, y: 10 });
    expect(pointAt(200, 10, 90, 0.5)).toEqual({ x: 100, y: 50 });
    expect(pointAt(200, 10, 90, 1)).toEqual({ x: 200, y: 90 });
  });

  test("a hidden row without a visible ancestor has no curve", () => {
    expect(curvesOf([cable("a", "b")], side(["a"]), side(["b"]), () => null, same)).toEqual([]);
  });
});

describe("chips", () => {
  const chip = (key: string, start: number, end: number, isSelected = false) => ({
    key,
    lines: [{ start, end }],
    halfWidth: 30,
    isSelected,
  });

  test("stand in the middle of their cable, the selected one first", () => {
    const places = placeChips(200, [chip("a", 100, 100), chip("b", 60, 140, true)]);
    expect(places.get("b")).toEqual({ x: 100, y: 100 });
    expect(places.get("a")).not.toEqual({ x: 100, y: 100 });
  });

  test("do not lie on one another where there is room", () => {
    const places = [
      ...placeChips(300, [chip("a", 100, 100), chip("b", 80, 120), chip("c", 120, 80)]).values(),
    ];
    for (const [at, one] of places.entries()) {
      for (const other of places.slice(at + 1)) {
        expect(Math.abs(one.x - other.x) >= 60 || Math.abs(one.y - other.y) >= 24).toBe(true);
      }
    }
  });

  test("keep away from what stands there already and stay inside the gutter", () => {
    const place = placeChips(200, [chip("a", 100, 200)], [{ x: 100, y: 150, halfWidth: 30 }]).get(
      "a",
    );
    expect(place).not.toEqual({ x: 100, y: 150 });
    for (const { x } of placeChips(120, [
      chip("a", 0, 0),
      chip("b", 0, 0),
      chip("c", 0, 0),
    ]).values()) {
      expect(x).toBeGreaterThanOrEqual(38);
      expect(x).toBeLessThanOrEqual(82);
    }
  });

  test("of a rule with several cables may stand on any of them", () => {
    const both = {
      ...chip("a", 100, 100),
      lines: [
        { start: 100, end: 100 },
        { start: 200, end: 200 },
      ],
    };
    expect(placeChips(80, [chip("b", 100, 100, true), both]).get("a")?.y).toBe(200);
  });

  test("grow with their words", () => {
    expect(chipHalfWidth("trim › lower")).toBeGreaterThan(chipHalfWidth("trim"));
  });
});

test("near an edge the tree scrolls, faster the nearer", () => {
  expect(autoScroll(200, 100, 400)).toBe(0);
  expect(autoScroll(105, 100, 400)).toBeLessThan(autoScroll(135, 100, 400));
  expect(autoScroll(395, 100, 400)).toBeGreaterThan(0);
  expect(autoScroll(900, 100, 400)).toBeLessThan(20);
});
