import { LoaderCircle } from "lucide-react";
import { cx } from "@/components/cx";

export function Spinner({ label }: { label: string }) {
  return (
    <span role="status" className="inline-flex items-center gap-2 text-ink2">
      <LoaderCircle aria-hidden size={14} className="animate-spin text-accent" />
      {label}
    </span>
  );
}

/** A place where something will be, in the size that it will have. */
export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden className={cx("block animate-shimmer rounded-md bg-line", className)} />;
}

type Part = { label: string; value: number; color: string };

/** A bar of parts, in proportion; the words beside it carry the same facts. */
export function PartsBar({ parts, total, label }: { parts: Part[]; total: number; label: string }) {
  return (
    <div
      role="img"
      aria-label={label}
      className="flex h-2 w-full gap-px overflow-hidden rounded-full bg-sunk"
    >
      {parts
        .filter((part) => part.value > 0)
        .map((part) => (
          <span
            key={part.label}
            title={`${part.label}: ${part.value}`}
            style={{
              width: `${total === 0 ? 0 : (part.value / total) * 100}%`,
              backgroundColor: part.color,
            }}
            className="min-w-[3px] transition-[width] duration-150"
          />
        ))}
    </div>
  );
}

/** Work of unknown length. */
export function BusyBar({ label }: { label: string }) {
  return (
    <div
      role="progressbar"
      aria-label={label}
      className="h-2 w-full overflow-hidden rounded-full bg-sunk"
    >
      <div className="h-full w-full animate-shimmer rounded-full bg-accent" />
    </div>
  );
}
