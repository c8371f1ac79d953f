import type { ReactNode } from "react";

type Props = { icon?: ReactNode; title: string; children?: ReactNode; actions?: ReactNode };

/** Nothing is here: why, and what to do about it. */
export function EmptyState({ icon, title, children, actions }: Props) {
  return (
    <div className="mx-auto flex max-w-[440px] flex-col items-center gap-2 px-6 py-12 text-center">
      {icon !== undefined && (
        <div
          aria-hidden
          className="mb-1 grid size-11 place-items-center rounded-full bg-sunk text-ink3"
        >
          {icon}
        </div>
      )}
      <p className="m-0 text-md font-semibold text-ink">{title}</p>
      {children !== undefined && <div className="text-ink2">{children}</div>}
      {actions !== undefined && (
        <div className="mt-3 flex flex-wrap justify-center gap-2">{actions}</div>
      )}
    </div>
  );
}
