import { Fragment, type ReactNode } from "react";

// As uneven as texts are.
const widths = ["w-3/5", "w-2/5", "w-1/2", "w-2/3", "w-2/5", "w-1/2", "w-3/5", "w-1/3"];

/** How long the text of a row seems to be while it is read. */
export function widthOf(row: number): string {
  return widths[row % widths.length] ?? "w-1/2";
}

type Props = { label: string; children: (width: string) => ReactNode };

/** In place of a list while nothing of it has been heard. */
export function LoadingRows({ label, children }: Props) {
  return (
    <div role="status" aria-label={label} className="flex-1 bg-panel">
      {widths.map((width, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows never change.
        <Fragment key={index}>{children(width)}</Fragment>
      ))}
    </div>
  );
}
