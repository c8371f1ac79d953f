/** The address of a page outside, to be opened in the person's browser. */
export function Site({ url }: { url: string }) {
  return (
    <a
      href={url}
      target="_blank"
      rel="noopener noreferrer"
      className="font-mono text-sm break-all text-accent"
    >
      {url}
    </a>
  );
}
