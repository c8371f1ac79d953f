import { expect, test } from "vitest";
import { prettyJson, valueText } from "@/format/value";

test.each([
  [null, "–"],
  [undefined, "–"],
  ["", "(empty)"],
  [" Ines ", "␣Ines␣"],
  ["a b", "a b"],
  [true, "yes"],
  [false, "no"],
  [0, "0"],
  ["9007199254740993", "9007199254740993"],
  [["vip", "beta"], '["vip","beta"]'],
])("the value %j reads as %s", (value, text) => {
  expect(valueText(value)).toBe(text);
});

test("JSON gets line breaks and keeps every digit, also where it was cut off", () => {
  const check = (text: string, expected: string) => expect(prettyJson(text)).toBe(expected);
  check("a=1&b=2", "a=1&b=2");
  check("[section]\nname = x", "[section]\nname = x");
  check("{{ not json }}", "{{ not json }}");
  check('{"a":1}', '{\n  "a": 1\n}');
  check('{"n":9007199254740993,"d":1.10}', '{\n  "n": 9007199254740993,\n  "d": 1.10\n}');
  check('{"a":{},"b":[ ]}', '{\n  "a": {},\n  "b": []\n}');
  check('[true,{"t":"a, \\"b\\": {c}"}]', '[\n  true,\n  {\n    "t": "a, \\"b\\": {c}"\n  }\n]');
  check('{"a":[1,{"b":"cut o', '{\n  "a": [\n    1,\n    {\n      "b": "cut o');
  check('{"a":', '{\n  "a":');
  const any = { list: [1, "two", null, { three: [] }], "k:[,": "v", deep: { er: -1.5e10 } };
  check(JSON.stringify(any), JSON.stringify(any, null, 2));
});
