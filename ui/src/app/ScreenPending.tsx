import { Page } from "@/components/Page";
import { Skeleton } from "@/components/Progress";

const rows = ["w-2/5", "w-3/5", "w-1/2", "w-2/5", "w-3/5", "w-1/3"];

/** The shape of a screen while its data is on the way. */
export function ScreenPending() {
  return (
    <Page title={<Skeleton className="h-4 w-32" />}>
      <div role="status" aria-label="Loading" className="rounded-xl border border-line bg-panel">
        <div className="border-b border-line px-3.5 py-3">
          <Skeleton className="h-4 w-28" />
        </div>
        {rows.map((width, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the rows never change.
          <div key={index} className="border-b border-line px-3.5 py-3 last:border-b-0">
            <Skeleton className={`h-4 ${width}`} />
          </div>
        ))}
      </div>
    </Page>
  );
}
