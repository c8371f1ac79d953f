import { expect, test } from "vitest";
import { BackendError, errorReport, toBackendError } from "@/api/errors";

test("an answer of the core keeps its code, words and hint", () => {
  const error = toBackendError({ code: "busy", message: "It is running.", hint: "Wait." });
  expect([error.code, error.message, error.hint]).toEqual(["busy", "It is running.", "Wait."]);
});

test.each([
  [{ code: "made_up", message: "No" }],
  [{ message: "No code" }],
  ["text"],
  [null],
  [undefined],
  [new TypeError("x is not a function")],
])("%j is told as our own fault, with details", (thrown) => {
  const error = toBackendError(thrown);
  expect(error.code).toBe("internal");
  expect(error.details).not.toBeNull();
});

test("the report has everything that helps", () => {
  const error = new BackendError({
    code: "platform",
    message: "Postino refused it.",
    hint: "Look at the field.",
    details: "422",
  });
  expect(errorReport(error)).toBe("Postino refused it.\nLook at the field.\ncode: platform\n\n422");
});
