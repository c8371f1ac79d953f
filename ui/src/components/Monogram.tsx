import { cx } from "@/components/cx";

type Props = { text: string; color: string; size?: "small" | "large" };

/** A platform's coloured letter, where there is no logo. */
export function Monogram({ text, color, size = "small" }: Props) {
  return (
    <span
      aria-hidden
      style={{ backgroundColor: color }}
      className={cx(
        "inline-grid shrink-0 place-items-center font-bold text-white select-none",
        size === "small" ? "size-5 rounded-[5px] text-xs" : "size-9 rounded-lg text-lg",
      )}
    >
      {text}
    </span>
  );
}
