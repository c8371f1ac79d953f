import type { Tone } from "@/components/Pill";

export type Bar = { key: string; height: number; tone: Tone; title: string };

const colors: Record<Tone, string> = {
  ok: "bg-ok-fill opacity-75",
  warn: "bg-warn-fill",
  bad: "bg-bad-fill",
  neutral: "bg-line2",
  accent: "bg-accent",
};

/** Small bars beside one another, oldest first. `height` is 0 to 1. */
export function Spark({ bars, label }: { bars: Bar[]; label: string }) {
  return (
    <span role="img" aria-label={label} className="flex h-5 items-end gap-0.5">
      {bars.map((bar) => (
        <span
          key={bar.key}
          title={bar.title}
          style={{ height: `${Math.round(4 + bar.height * 14)}px` }}
          className={`w-1 rounded-[1px] ${colors[bar.tone]}`}
        />
      ))}
    </span>
  );
}
