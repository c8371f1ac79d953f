import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { cx } from "@/components/cx";

type Props = {
  title: ReactNode;
  description?: ReactNode;
  onClose: () => void;
  children: ReactNode;
  footer?: ReactNode;
};

type FrameProps = Props & { className: string };

function Frame({ title, description, onClose, children, footer, className }: FrameProps) {
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-veil" />
        <Radix.Content
          {...(description === undefined ? { "aria-describedby": undefined } : {})}
          className={cx(
            "fixed z-50 flex flex-col border-line bg-panel text-ink shadow-high outline-none",
            className,
          )}
        >
          <div className="flex items-start gap-3 border-b border-line px-5 py-3.5">
            <div className="min-w-0 flex-1">
              <Radix.Title className="m-0 text-lg font-semibold">{title}</Radix.Title>
              {description !== undefined && (
                <Radix.Description className="m-0 mt-0.5 text-ink2">
                  {description}
                </Radix.Description>
              )}
            </div>
            <Radix.Close
              aria-label="Close"
              className="grid size-7 shrink-0 place-items-center rounded-md text-ink2 hover:bg-sunk hover:text-ink"
            >
              <X aria-hidden size={16} />
            </Radix.Close>
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
          <div tabIndex={0} className="min-h-0 flex-1 overflow-y-auto px-5 py-4 -outline-offset-2">
            {children}
          </div>
          {footer !== undefined && (
            <div className="flex items-center justify-end gap-2 border-t border-line px-5 py-3">
              {footer}
            </div>
          )}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** A question or a small form over the page. */
export function Dialog(props: Props) {
  return (
    <Frame
      {...props}
      className="top-1/2 left-1/2 max-h-[86vh] w-[min(520px,92vw)] -translate-x-1/2 -translate-y-1/2 animate-enter rounded-xl border"
    />
  );
}

/** Something with much to read or do, at the right edge. */
export function Sheet({ wide = false, ...props }: Props & { wide?: boolean }) {
  return (
    <Frame
      {...props}
      className={cx(
        "inset-y-0 right-0 animate-slide border-l",
        wide ? "w-[min(760px,94vw)]" : "w-[min(520px,94vw)]",
      )}
    />
  );
}
