import type { ReactNode } from "react";
import { cx } from "@/components/cx";

export type Tone = "ok" | "warn" | "bad" | "neutral" | "accent";

const dots: Record<Tone, string> = {
  ok: "bg-ok-fill",
  warn: "bg-warn-fill",
  bad: "bg-bad-fill",
  neutral: "bg-line2",
  accent: "bg-accent",
};

export function Dot({ tone, className }: { tone: Tone; className?: string }) {
  return (
    <span
      aria-hidden
      className={cx("inline-block size-[7px] shrink-0 rounded-full", dots[tone], className)}
    />
  );
}

type PillProps = { children: ReactNode; dot?: Tone | undefined; className?: string };

/** A fact in the top bar: "Version **3**". */
export function Pill({ children, dot, className }: PillProps) {
  return (
    <span
      className={cx(
        "inline-flex items-center gap-1.5 rounded-full border border-line bg-panel px-2.5 py-0.5 text-sm whitespace-nowrap text-ink2",
        "[&_em]:font-strong [&_em]:text-ink [&_em]:not-italic",
        className,
      )}
    >
      {dot !== undefined && <Dot tone={dot} />}
      {children}
    </span>
  );
}

const tags: Record<Tone, string> = {
  ok: "bg-ok-soft text-ok",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
  neutral: "bg-sunk text-ink3",
  accent: "bg-accent-soft text-accent",
};

/** A state in a table: "healthy", "create". */
export function Tag({ children, tone }: { children: ReactNode; tone: Tone }) {
  return (
    <span
      className={cx(
        "inline-block rounded-sm px-[7px] py-px text-xs font-semibold whitespace-nowrap",
        tags[tone],
      )}
    >
      {children}
    </span>
  );
}
