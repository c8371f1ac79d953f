import { useState } from "react";
import type { ConnectorSummary } from "@/api/bindings";
import { EmptyState } from "@/components/EmptyState";
import { SearchInput } from "@/components/Field";
import { Monogram } from "@/components/Monogram";
import { Tag } from "@/components/Pill";
import { category as categoryWords } from "@/format/words";

type Props = { connectors: ConnectorSummary[]; onChoose: (connector: string) => void };

export function Gallery({ connectors, onChoose }: Props) {
  const [text, setText] = useState("");
  const [category, setCategory] = useState<string | null>(null);
  const categories = [...new Set(connectors.flatMap((each) => each.categories))].sort();
  const shown = connectors.filter(
    (each) => matches(each, text) && (category === null || each.categories.includes(category)),
  );
  return (
    <div className="grid gap-3">
      <SearchInput label="Find a platform" value={text} onSearch={setText} autoFocus />
      {categories.length > 1 && (
        <fieldset className="m-0 flex flex-wrap gap-1.5 border-0 p-0">
          <legend className="sr-only">Category</legend>
          {[null, ...categories].map((each) => (
            <button
              key={each ?? "all"}
              type="button"
              aria-pressed={category === each}
              onClick={() => setCategory(each)}
              className="rounded-full border border-line bg-panel px-2.5 py-0.5 text-sm text-ink2 hover:bg-sunk aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent"
            >
              {each === null ? "All" : categoryWords(each)}
            </button>
          ))}
        </fieldset>
      )}
      {shown.length === 0 ? (
        <EmptyState title="No platform fits">
          Try another word. Every connector is a file of its own; more of them come with each
          version.
        </EmptyState>
      ) : (
        <ul className="m-0 grid list-none grid-cols-1 gap-2.5 p-0 min-[620px]:grid-cols-2">
          {shown.map((each) => (
            <li key={each.id}>
              <button
                type="button"
                onClick={() => onChoose(each.id)}
                className="flex h-full w-full items-start gap-3 rounded-xl border border-line bg-panel p-3 text-left hover:border-line2 hover:shadow-lift"
              >
                <Monogram text={each.monogram} color={each.color} size="large" />
                <span className="min-w-0">
                  <span className="flex items-center gap-2 font-semibold">
                    {each.name}
                    {each.is_sample && <Tag tone="accent">sample</Tag>}
                  </span>
                  <span className="block text-sm text-ink2">{each.summary}</span>
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function matches(connector: ConnectorSummary, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const all = [connector.name, connector.summary, ...connector.categories, ...connector.streams]
    .join(" ")
    .toLowerCase();
  return words.every((word) => all.includes(word));
}
