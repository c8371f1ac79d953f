import { Dialog } from "@/components/Dialog";
import { SHORTCUTS, TREE_KEYS } from "./shortcuts";

const GROUPS = ["Draw", "Move", "Whole mapping"] as const;

/** "?": every key. */
export function ShortcutSheet({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <div className="grid gap-4">
        <Group title="In the trees" rows={TREE_KEYS} />
        {GROUPS.map((group) => (
          <Group
            key={group}
            title={group}
            rows={SHORTCUTS.filter((each) => each.group === group)}
          />
        ))}
      </div>
    </Dialog>
  );
}

function Group({ title, rows }: { title: string; rows: { keys: string[]; words: string }[] }) {
  return (
    <section>
      <h3 className="map-label m-0 mb-1">{title}</h3>
      <dl className="m-0 grid gap-1">
        {rows.map(({ keys, words }) => (
          <div key={words} className="flex items-baseline justify-between gap-4">
            <dt>{words}</dt>
            <dd className="m-0 flex shrink-0 gap-1">
              {keys.map((key) => (
                <kbd key={key} className="map-key">
                  {key}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
