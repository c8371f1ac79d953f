import { expect, test } from "vitest";
import { fromDrop, fromInput } from "@/screens/connectors/chosen";

const file = (name: string) => new File(["streams: []"], name);

/** A folder as browsers hand it over: its entries come a few at a time. */
function folder(path: string, inside: unknown[]): unknown {
  const left = [inside.slice(0, 1), inside.slice(1)].filter((some) => some.length > 0);
  return {
    isDirectory: true,
    isFile: false,
    fullPath: path,
    createReader: () => ({
      readEntries: (done: (some: unknown[]) => void) => done(left.shift() ?? []),
    }),
  };
}

function entry(path: string): unknown {
  const name = path.split("/").pop() ?? "";
  return {
    isDirectory: false,
    isFile: true,
    fullPath: path,
    file: (done: (file: File) => void) => done(file(name)),
  };
}

function dropped(entries: unknown[], files: File[]): DataTransfer {
  const items = entries.map((each) => ({ webkitGetAsEntry: () => each }));
  return { items, files } as unknown as DataTransfer;
}

test("a dropped folder is opened up, with the places of its files", async () => {
  const tree = folder("/all", [
    folder("/all/source-a", [
      entry("/all/source-a/manifest.yaml"),
      entry("/all/source-a/icon.svg"),
    ]),
    entry("/all/b.yaml"),
  ]);
  const found = await fromDrop(dropped([tree, entry("/alone.yaml")], []));
  expect(found.map(({ path, isOfFolder }) => [path, isOfFolder])).toEqual([
    ["all/source-a/manifest.yaml", true],
    ["all/source-a/icon.svg", true],
    ["all/b.yaml", true],
    ["alone.yaml", false],
  ]);
});

test("dropped files are taken as they are", async () => {
  const files = [file("a.yaml"), file("b.yaml")];
  const found = await fromDrop(dropped([entry("/a.yaml"), entry("/b.yaml")], files));
  expect(found).toEqual(fromInput(files));
  expect(found.map(({ path, isOfFolder }) => [path, isOfFolder])).toEqual([
    ["a.yaml", false],
    ["b.yaml", false],
  ]);
});
