import { useQueryErrorResetBoundary } from "@tanstack/react-query";
import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { toBackendError } from "@/api/errors";
import { Button, buttonClass } from "@/components/Button";
import { Page } from "@/components/Page";
import { Problem } from "@/components/Problem";

/** What a screen shows when it could not be made; the rest of the app goes on. */
export function ScreenError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const queries = useQueryErrorResetBoundary();
  const shown = toBackendError(error);
  return (
    <Page title={shown.code === "not_found" ? "Not found" : "This page could not be shown"}>
      <Problem
        error={shown}
        className="max-w-[640px]"
        actions={
          <>
            <Button
              onClick={() => {
                queries.reset();
                reset();
                void router.invalidate();
              }}
            >
              Try again
            </Button>
            <Link to="/" className={buttonClass("plain")}>
              Go to the overview
            </Link>
          </>
        }
      />
    </Page>
  );
}
