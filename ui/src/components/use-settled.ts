import { useEffect, useState } from "react";

/** A value once it has stayed the same for a moment: what is asked of the core waits for the typing to pause. */
export function useSettled<T>(value: T, milliseconds = 250): T {
  const [settled, setSettled] = useState(value);
  // Synchronises with the clock.
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}
