import type { ComponentProps } from "react";
import { cx } from "@/components/cx";

export function Table({ className, ...rest }: ComponentProps<"table">) {
  return <table {...rest} className={cx("w-full border-collapse", className)} />;
}

export function Th({ className, ...rest }: ComponentProps<"th">) {
  return (
    <th
      scope="col"
      {...rest}
      className={cx(
        "border-b border-line px-2.5 py-[7px] text-left text-xs font-semibold whitespace-nowrap text-ink3 first:pl-3.5 last:pr-3.5",
        className,
      )}
    />
  );
}

export function Td({ className, ...rest }: ComponentProps<"td">) {
  return (
    <td
      {...rest}
      className={cx(
        "overflow-hidden border-b border-line px-2.5 py-1.5 text-ellipsis first:pl-3.5 last:pr-3.5",
        // Of two classes for one property the later one in the stylesheet would win, not the caller's.
        !className?.includes("max-w-") && "max-w-[260px]",
        !className?.includes("whitespace-") && "whitespace-nowrap",
        className,
      )}
    />
  );
}

export function Tr({ className, ...rest }: ComponentProps<"tr">) {
  return (
    <tr
      {...rest}
      className={cx(
        "last:[&>td]:border-b-0 hover:bg-sunk/60 has-[:focus-visible]:bg-sunk/60",
        className,
      )}
    />
  );
}
