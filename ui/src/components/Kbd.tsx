/** A key that does the same as what it stands beside. */
export function Kbd({ children }: { children: string | number }) {
  return (
    <kbd aria-hidden className="rounded-[3px] border border-line px-1 font-sans text-2xs text-ink3">
      {children}
    </kbd>
  );
}
