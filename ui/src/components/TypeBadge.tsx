import type { FieldType, Format } from "@/api/bindings";

type Look = { glyph: string; color: string; words: string };

const looks: Record<FieldType, Look> = {
  any: { glyph: "?", color: "var(--t-obj)", words: "Any value" },
  text: { glyph: "T", color: "var(--t-text)", words: "Text" },
  integer: { glyph: "#", color: "var(--t-num)", words: "Whole number" },
  decimal: { glyph: "#", color: "var(--t-num)", words: "Decimal number" },
  float: { glyph: "#", color: "var(--t-num)", words: "Number" },
  bool: { glyph: "✓", color: "var(--t-bool)", words: "Yes or no" },
  date: { glyph: "D", color: "var(--t-date)", words: "Date" },
  time: { glyph: "D", color: "var(--t-date)", words: "Time of day" },
  timestamp: { glyph: "D", color: "var(--t-date)", words: "Date and time" },
  bytes: { glyph: "01", color: "var(--t-obj)", words: "Bytes" },
  enum: { glyph: "◇", color: "var(--t-list)", words: "One of a list of values" },
  object: { glyph: "{}", color: "var(--t-obj)", words: "Group of fields" },
  list: { glyph: "[]", color: "var(--t-list)", words: "List" },
};

/** The colour of a field's cable, jack and badge, as a CSS value. */
export function typeColor(type: FieldType): string {
  return looks[type].color;
}

/** What a field holds, in words. */
export function typeWords(type: FieldType): string {
  return looks[type].words;
}

type Props = { type: FieldType; format?: Format | null };

export function TypeBadge({ type, format = null }: Props) {
  const look = looks[type];
  return (
    <span
      role="img"
      aria-label={look.words}
      title={look.words}
      style={{
        color: `color-mix(in srgb, ${look.color} 80%, var(--ink))`,
        backgroundColor: `color-mix(in srgb, ${look.color} 13%, transparent)`,
      }}
      // The sign is a picture, not a word: what is read aloud is the label.
      data-glyph={format === "id" ? "id" : look.glyph}
      className="inline-block h-[17px] w-5 shrink-0 rounded-[4px] text-center font-mono text-2xs leading-[17px] font-semibold select-none before:content-[attr(data-glyph)]"
    />
  );
}
