import { expect, test } from "vitest";
import { parseHistorySearch, parsePlanSearch, parseRunSearch } from "@/app/search";

test("what is not known in an address is dropped", () => {
  expect(parsePlanSearch({ show: "explode", find: 7 })).toEqual({});
  expect(parseRunSearch({ outcomes: ["created", "made_up"], record: -1, find: "" })).toEqual({
    outcomes: ["created"],
  });
  expect(parseHistorySearch({ tab: "nowhere", states: "failed", record: 1.5 })).toEqual({});
});

test("what is known stays", () => {
  const search = {
    tab: "records",
    sync: "s",
    outcomes: ["held"],
    find: "ines",
    unwritten: true,
    run: "r",
    record: 0,
  };
  expect(parseHistorySearch(search)).toEqual(search);
});
