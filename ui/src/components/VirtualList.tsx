import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useRef } from "react";
import { cx } from "@/components/cx";

type Props<T> = {
  items: readonly T[];
  itemKey: (item: T) => string | number;
  estimate: number;
  label: string;
  /** Called when the end comes near. */
  onEnd?: (() => void) | undefined;
  children: (item: T, index: number) => ReactNode;
  className?: string;
};

/** A long list of which only what is seen is on the page. */
export function VirtualList<T>({
  items,
  itemKey,
  estimate,
  label,
  onEnd,
  children,
  className,
}: Props<T>) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => estimate,
    overscan: 12,
    getItemKey: (index) => {
      const item = items[index];
      return item === undefined ? index : itemKey(item);
    },
    onChange: (instance) => {
      const last = instance.getVirtualItems().at(-1);
      if (last !== undefined && last.index >= items.length - 20) {
        onEnd?.();
      }
    },
  });
  return (
    <section
      ref={scroller}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
      aria-label={label}
      className={cx("overflow-auto -outline-offset-2", className)}
    >
      <ul className="relative m-0 list-none p-0" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((row) => {
          const item = items[row.index];
          return (
            item !== undefined && (
              <li
                key={row.key}
                aria-setsize={items.length}
                aria-posinset={row.index + 1}
                data-index={row.index}
                ref={virtual.measureElement}
                className="absolute top-0 left-0 w-full"
                style={{ transform: `translateY(${row.start}px)` }}
              >
                {children(item, row.index)}
              </li>
            )
          );
        })}
      </ul>
    </section>
  );
}
