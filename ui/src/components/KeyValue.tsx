import type { ReactNode } from "react";

export type Fact = { label: string; value: ReactNode };

/** Facts as a list of label and value. */
export function KeyValue({ facts }: { facts: Fact[] }) {
  return (
    <dl className="m-0 grid grid-cols-[minmax(120px,max-content)_1fr] gap-x-6 gap-y-2 px-3.5 py-3">
      {facts.map((fact) => (
        <div key={fact.label} className="col-span-2 grid grid-cols-subgrid">
          <dt className="text-ink3">{fact.label}</dt>
          <dd className="m-0 min-w-0 break-words">{fact.value}</dd>
        </div>
      ))}
    </dl>
  );
}
