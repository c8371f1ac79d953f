import type { ApiError, Code } from "@/api/bindings";

const codes: Record<Code, true> = {
  invalid_request: true,
  not_found: true,
  sign_in_needed: true,
  unavailable: true,
  busy: true,
  secrets_unavailable: true,
  disk_full: true,
  changed_elsewhere: true,
  mapping_invalid: true,
  platform: true,
  internal: true,
};

/** What a command answers when it cannot do it: an `ApiError` that can be thrown. */
export class BackendError extends Error {
  readonly code: Code;
  readonly hint: string | null;
  readonly details: string | null;

  constructor(error: ApiError) {
    super(error.message);
    this.name = "BackendError";
    this.code = error.code;
    this.hint = error.hint ?? null;
    this.details = error.details ?? null;
  }
}

function isApiError(value: unknown): value is ApiError {
  return (
    typeof value === "object" &&
    value !== null &&
    "code" in value &&
    typeof value.code === "string" &&
    value.code in codes &&
    "message" in value &&
    typeof value.message === "string"
  );
}

/** Anything that was thrown or answered, as an error that a person can act on. */
export function toBackendError(thrown: unknown): BackendError {
  if (thrown instanceof BackendError) {
    return thrown;
  }
  if (isApiError(thrown)) {
    return new BackendError(thrown);
  }
  const details = thrown instanceof Error ? (thrown.stack ?? thrown.message) : describe(thrown);
  return new BackendError({
    code: "internal",
    message: "Something went wrong inside Patchbay.",
    hint: "Try it once more. If it stays, copy the details and report them.",
    details,
  });
}

/** No answer at all: the program behind the page is not there. */
export function unreachable(cause: unknown): BackendError {
  return new BackendError({
    code: "unavailable",
    message: "Patchbay does not answer.",
    hint: "It may have been closed. Start it again, then reload this page.",
    details: cause instanceof Error ? cause.message : describe(cause),
  });
}

/** The text behind "Copy details". */
export function errorReport(error: BackendError): string {
  return [
    error.message,
    error.hint,
    `code: ${error.code}`,
    error.details === null ? null : `\n${error.details}`,
  ]
    .filter((line) => line !== null)
    .join("\n");
}

function describe(value: unknown): string {
  if (typeof value === "string") {
    return value;
  }
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
