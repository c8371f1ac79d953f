type Props = { text: string };

/** A sentence in which `names` of files and settings look like themselves. */
export function Quoted({ text }: Props) {
  return text.split("`").map((part, index) =>
    // Every second part stands between two marks.
    index % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts have nothing but their order.
      <code key={index} className="rounded-sm bg-sunk px-1 font-mono text-[0.92em] break-words">
        {part}
      </code>
    ) : (
      part
    ),
  );
}
