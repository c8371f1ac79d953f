import { Tooltip as Radix } from "radix-ui";
import type { ReactNode } from "react";

type Props = { text: ReactNode; children: ReactNode; side?: "top" | "bottom" | "left" | "right" };

/** A short text beside what has the pointer or the focus. Needs `TooltipProvider` above. */
export function Tooltip({ text, children, side = "top" }: Props) {
  return (
    <Radix.Root>
      <Radix.Trigger asChild>{children}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          side={side}
          sideOffset={5}
          collisionPadding={8}
          className="z-60 max-w-80 rounded-md border border-line2 bg-panel px-2 py-1 text-sm text-ink shadow-high"
        >
          {text}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

export function TooltipProvider({ children }: { children: ReactNode }) {
  return <Radix.Provider delayDuration={350}>{children}</Radix.Provider>;
}
