import { Copy, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { toast } from "sonner";
import { type BackendError, errorReport, toBackendError } from "@/api/errors";
import { Button } from "@/components/Button";
import { cx } from "@/components/cx";

/** Puts text on the clipboard and says so. */
export async function copyText(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast.success(`${what} copied`);
  } catch {
    toast.error(`${what} could not be copied`, {
      description: "The clipboard cannot be used here.",
    });
  }
}

/** Tells an error of an action that has no place of its own on the page. */
export function toastError(thrown: unknown): void {
  const error = toBackendError(thrown);
  toast.error(error.message, {
    ...(error.hint === null ? {} : { description: error.hint }),
    action: {
      label: "Copy details",
      onClick: () => void copyText(errorReport(error), "Details"),
    },
    duration: 12_000,
  });
}

type Props = { error: BackendError; actions?: ReactNode; className?: string };

/** An error in its place on the page: what happened, what to do, copy details. */
export function Problem({ error, actions, className }: Props) {
  return (
    <Callout
      tone="bad"
      title={error.message}
      className={className}
      actions={
        <>
          {actions}
          <Button
            look="quiet"
            icon={<Copy aria-hidden size={13} />}
            onClick={() => void copyText(errorReport(error), "Details")}
          >
            Copy details
          </Button>
        </>
      }
    >
      {error.hint}
    </Callout>
  );
}

type CalloutProps = {
  tone: "info" | "warn" | "bad";
  title: ReactNode;
  children?: ReactNode;
  actions?: ReactNode;
  className?: string | undefined;
};

const tones = {
  info: "border-line bg-sunk text-ink2",
  warn: "border-warn/30 bg-warn-soft text-warn",
  bad: "border-bad/30 bg-bad-soft text-bad",
} as const;

/** Something to know before going on. */
export function Callout({ tone, title, children, actions, className }: CalloutProps) {
  return (
    <div
      role={tone === "bad" ? "alert" : "note"}
      className={cx(
        "flex items-start gap-2.5 rounded-lg border px-3 py-2.5",
        tones[tone],
        className,
      )}
    >
      <TriangleAlert
        aria-hidden
        size={15}
        className={cx("mt-0.5 shrink-0", tone === "info" && "hidden")}
      />
      <div className="min-w-0 flex-1 text-ink">
        <p className="m-0 font-semibold break-words">{title}</p>
        {children && <div className="mt-0.5 break-words text-ink2">{children}</div>}
        {actions && <div className="mt-2 flex flex-wrap gap-2">{actions}</div>}
      </div>
    </div>
  );
}
