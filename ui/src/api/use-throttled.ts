import { useCallback, useEffect, useRef } from "react";

/** While a list is moved fast, what flies by is not asked for. */
const EVERY_MS = 80;

/** The first call is passed on at once, of those that follow in a moment only the last. */
export function useThrottled<A extends unknown[]>(
  call: (...args: A) => void,
): (...args: A) => void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const newest = useRef<A>(undefined);
  // The timer must not outlive the list.
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(
    (...args: A) => {
      newest.current = args;
      if (timer.current !== undefined) {
        return;
      }
      const pass = () => {
        const waiting = newest.current;
        newest.current = undefined;
        timer.current = waiting === undefined ? undefined : setTimeout(pass, EVERY_MS);
        if (waiting !== undefined) {
          call(...waiting);
        }
      };
      pass();
    },
    [call],
  );
}
