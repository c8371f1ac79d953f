import type { ReactNode } from "react";
import { cx } from "@/components/cx";

type Props = {
  title: ReactNode;
  /** The window's title, where the heading is more than text. */
  name?: string;
  crumb?: ReactNode;
  pills?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** The content fills the height itself instead of scrolling as one. */
  fixed?: boolean;
};

/** A screen: the bar at the top with its heading, facts and actions, and the content below. */
export function Page({ title, name, crumb, pills, actions, children, fixed = false }: Props) {
  return (
    <div className="flex h-full min-w-0 flex-col">
      <title>{windowTitle(name ?? title)}</title>
      <header className="flex h-[54px] shrink-0 items-center gap-2 border-b border-line bg-panel px-[18px]">
        <h1 className="m-0 flex min-w-0 items-center gap-1.5 text-md font-semibold whitespace-nowrap">
          {crumb !== undefined && (
            <span className="flex items-center gap-1.5 font-medium text-ink3">{crumb} /</span>
          )}
          <span className="truncate">{title}</span>
        </h1>
        {/* What does not fit is left out as a whole. */}
        <div className="flex max-h-7 min-w-0 flex-wrap items-center gap-2 overflow-hidden">
          {pills}
        </div>
        <span className="flex-1" />
        <div className="flex shrink-0 items-center gap-2">{actions}</div>
      </header>
      {fixed ? (
        <div className="flex min-h-0 flex-1 flex-col">{children}</div>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        <div tabIndex={0} className="min-h-0 flex-1 overflow-y-auto -outline-offset-2">
          <div className={cx("grid content-start gap-4 px-6 py-5")}>{children}</div>
        </div>
      )}
    </div>
  );
}

function windowTitle(title: ReactNode): string {
  return typeof title === "string" ? `${title} · Patchbay` : "Patchbay";
}
