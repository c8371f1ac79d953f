import type { ReactNode } from "react";
import { cx } from "@/components/cx";

type Props = { title?: ReactNode; aside?: ReactNode; children: ReactNode; className?: string };

/** A panel on the page with an optional heading. */
export function Card({ title, aside, children, className }: Props) {
  return (
    <section className={cx("min-w-0 rounded-xl border border-line bg-panel", className)}>
      {title !== undefined && (
        <div className="flex min-h-11 items-center gap-2 border-b border-line px-3.5 py-2">
          <h2 className="m-0 flex items-center gap-2 text-base font-bold">{title}</h2>
          {aside !== undefined && <div className="ml-auto flex items-center gap-2">{aside}</div>}
        </div>
      )}
      {children}
    </section>
  );
}
