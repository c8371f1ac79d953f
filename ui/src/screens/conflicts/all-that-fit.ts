import { call } from "@/api/backend";
import type { ConflictRequest } from "@/api/queries";
import { type Matter, matterOf } from "@/screens/conflicts/choices";

/** The most that the core gives at once. */
const MOST = 500;

/** Reads all conflicts that fit, page after page; of each only what a choice is about is kept. */
export async function allThatFit(
  request: ConflictRequest,
  onRead: (n: number) => void,
  signal: AbortSignal,
): Promise<Matter[]> {
  const found: Matter[] = [];
  for (let after: string | null = null; !signal.aborted; ) {
    const page = await call("list_conflicts", { ...request, after, limit: MOST });
    found.push(...page.conflicts.map(matterOf));
    onRead(found.length);
    after = found.at(-1)?.id ?? null;
    if (!page.has_more || after === null) {
      break;
    }
  }
  return found;
}
