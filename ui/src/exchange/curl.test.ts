import { expect, test } from "vitest";
import { curl } from "@/exchange/curl";

test("a request can be pasted into a shell, quotes and all", () => {
  expect(
    curl({
      id: "x",
      at: 0,
      took_ms: 1,
      method: "POST",
      url: "https://postino.example/subscribers",
      request_headers: [["content-type", "application/json"]],
      request_body: `{"name":"O'Hara"}`,
      response_headers: [],
      attempt: 1,
    }),
  ).toBe(
    [
      "curl -X POST 'https://postino.example/subscribers' \\",
      "  -H 'content-type: application/json' \\",
      `  --data '{"name":"O'\\''Hara"}'`,
    ].join("\n"),
  );
});
