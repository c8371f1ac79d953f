import { LoaderCircle } from "lucide-react";
import type { ComponentProps, ReactNode } from "react";
import { cx } from "@/components/cx";
import { Tooltip } from "@/components/Tooltip";

type Look = "plain" | "primary" | "quiet" | "danger" | "primary-danger";

const looks: Record<Look, string> = {
  plain: "border-line2 bg-panel text-ink hover:bg-sunk",
  primary: "border-accent bg-accent text-accent-ink hover:brightness-110",
  quiet: "border-transparent bg-transparent text-ink2 hover:bg-sunk hover:text-ink",
  "primary-danger": "border-bad-fill bg-bad-fill text-panel hover:brightness-110",
  danger: "border-line2 bg-panel text-bad hover:bg-bad-soft hover:border-bad",
};

/** The classes of a button, for links that look like one. */
export function buttonClass(look: Look = "plain", className?: string): string {
  return cx(
    "inline-flex items-center justify-center gap-1.5 rounded-md border px-3 py-[5px] text-base font-strong whitespace-nowrap no-underline select-none",
    "transition-[background-color,border-color,filter] duration-100",
    "disabled:opacity-55 disabled:hover:bg-panel aria-disabled:opacity-55 aria-disabled:hover:brightness-100",
    looks[look],
    className,
  );
}

type Props = Omit<ComponentProps<"button">, "disabled"> & {
  look?: Look;
  /** Something is under way because of this button. */
  busy?: boolean;
  /** Why it cannot be pressed. Shown on hover and focus; the button stays reachable. */
  disabledReason?: string | undefined;
  icon?: ReactNode;
};

export function Button({
  look = "plain",
  busy = false,
  disabledReason,
  icon,
  className,
  children,
  onClick,
  type = "button",
  ...rest
}: Props) {
  const blocked = busy || disabledReason !== undefined;
  const button = (
    <button
      {...rest}
      type={type}
      aria-disabled={blocked || undefined}
      aria-busy={busy || undefined}
      className={buttonClass(look, className)}
      onClick={(event) => {
        if (blocked) {
          event.preventDefault();
          return;
        }
        onClick?.(event);
      }}
    >
      {busy ? <LoaderCircle aria-hidden size={14} className="animate-spin" /> : icon}
      {children}
    </button>
  );
  return disabledReason === undefined ? button : <Tooltip text={disabledReason}>{button}</Tooltip>;
}

type IconButtonProps = Omit<Props, "children" | "icon"> & { label: string; icon: ReactNode };

/** A button with only a picture; its label is spoken and shown on hover. */
export function IconButton({
  label,
  icon,
  look = "quiet",
  className,
  disabledReason,
  ...rest
}: IconButtonProps) {
  return (
    <Tooltip text={disabledReason ?? label}>
      <button
        {...rest}
        type="button"
        aria-label={label}
        aria-disabled={disabledReason !== undefined || undefined}
        onClick={(event) => {
          if (disabledReason === undefined) {
            rest.onClick?.(event);
          }
        }}
        className={cx(
          "inline-grid size-7 shrink-0 place-items-center rounded-md border aria-disabled:opacity-45",
          looks[look],
          className,
        )}
      >
        {icon}
      </button>
    </Tooltip>
  );
}
