/** A file that was chosen or dropped, with its place in the folder that it came with. */
export type Chosen = { file: File; path: string; isOfFolder: boolean };

/** Files that are looked through in a folder; more are no folder of connectors. */
const MOST = 5_000;
const DEEPEST = 8;

/** What a file input gave. */
export function fromInput(files: Iterable<File>): Chosen[] {
  return [...files].map((file) => ({
    file,
    path: file.webkitRelativePath || file.name,
    isOfFolder: Boolean(file.webkitRelativePath),
  }));
}

/** What was dropped: files as they are, folders opened up. */
export async function fromDrop(transfer: DataTransfer): Promise<Chosen[]> {
  // Both must be taken before the event is over.
  const entries = [...transfer.items]
    .map((each) => each.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  const files = [...transfer.files];
  if (!entries.some((entry) => entry.isDirectory)) {
    return fromInput(files);
  }
  const found: Chosen[] = [];
  for (const entry of entries) {
    await walk(entry, 0, found);
  }
  return found;
}

async function walk(entry: FileSystemEntry, depth: number, found: Chosen[]): Promise<void> {
  if (found.length >= MOST || depth > DEEPEST) {
    return;
  }
  if (isFolder(entry)) {
    const reader = entry.createReader();
    // A reader gives some at a time, and nothing when it has given all.
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
        reader.readEntries(resolve, reject),
      );
      if (some.length === 0) {
        return;
      }
      for (const each of some) {
        await walk(each, depth + 1, found);
      }
    }
  }
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    found.push({ file, path: entry.fullPath.replace(/^\//, ""), isOfFolder: depth > 0 });
  }
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}
