import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import { cx } from "@/components/cx";
import { count } from "@/format/count";

type RowsProps = {
  count: number;
  rowKey?: ((index: number) => string | number) | undefined;
  estimate: number;
  label: string;
  /** Called with the first and the last row on the page when they change. */
  onRange?: ((first: number, last: number) => void) | undefined;
  /** This row is brought into sight when it becomes another one. */
  reveal?: number | undefined;
  children: (index: number) => ReactNode;
  className?: string | undefined;
};

/** Browsers cannot scroll through more: what is taller than some 17 million pixels is cut off. */
const LISTED = 300_000;

/** Says that not all rows of a list are there, where they are not. */
export function Cut({ count: all, children }: { count: number; children?: ReactNode }) {
  return (
    all > LISTED && (
      <p className="m-0 border-b border-line bg-panel px-6 py-2 text-ink2">
        The first {count(LISTED)} of {count(all)} records are listed; filter or search to see the
        others. {children}
      </p>
    )
  );
}

/** Many rows of which only what is seen is on the page; what stands in a row is asked for by its number. */
export function VirtualRows({
  count: all,
  rowKey,
  estimate,
  label,
  onRange,
  reveal,
  children,
  className,
}: RowsProps) {
  const listed = Math.min(all, LISTED);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: listed,
    getScrollElement: () => scroller.current,
    estimateSize: () => estimate,
    overscan: 12,
    ...(rowKey === undefined ? {} : { getItemKey: rowKey }),
    onChange: (instance) => {
      const shown = instance.getVirtualItems();
      const first = shown[0];
      const last = shown.at(-1);
      if (first !== undefined && last !== undefined) {
        onRange?.(first.index, last.index);
      }
    },
  });
  useEffect(() => {
    if (reveal !== undefined && reveal >= 0) {
      virtual.scrollToIndex(reveal, { align: "auto" });
    }
  }, [virtual, reveal]);
  // The browser's own would scroll to where it believes the end to be, before the rows there have been measured.
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || (event.key !== "End" && event.key !== "Home")) {
      return;
    }
    event.preventDefault();
    virtual.scrollToIndex(event.key === "End" ? listed - 1 : 0, {
      align: event.key === "End" ? "end" : "start",
    });
  };
  return (
    <section
      ref={scroller}
      onKeyDown={onKeyDown}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
      aria-label={label}
      className={cx("overflow-auto -outline-offset-2", className)}
    >
      <ul className="relative m-0 list-none p-0" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((row) => (
          <li
            key={row.key}
            aria-setsize={listed}
            aria-posinset={row.index + 1}
            data-index={row.index}
            ref={virtual.measureElement}
            className="absolute top-0 left-0 w-full"
            style={{ transform: `translateY(${row.start}px)` }}
          >
            {children(row.index)}
          </li>
        ))}
      </ul>
    </section>
  );
}
