import type { ReactNode } from "react";
import { cx } from "@/components/cx";

type PartProps = { title: string; aside?: ReactNode; children: ReactNode };

/** A part of a sheet under its own heading. */
export function Part({ title, aside, children }: PartProps) {
  return (
    <section className="min-w-0">
      <div className="mb-1.5 flex h-7 items-center justify-between">
        <h3 className="m-0 text-base font-semibold">{title}</h3>
        {aside}
      </div>
      {children}
    </section>
  );
}

type CodeProps = { text: string; label: string; tall?: boolean };

/** Text as a program reads it, in a box that scrolls. */
export function Code({ text, label, tall = false }: CodeProps) {
  return (
    <section
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
      className={cx(
        "overflow-auto rounded-lg border border-line bg-sunk px-3 py-2",
        tall ? "max-h-[62vh]" : "max-h-72",
      )}
    >
      <pre className="m-0 font-mono text-sm whitespace-pre-wrap break-words">{text}</pre>
    </section>
  );
}
