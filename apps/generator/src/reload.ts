// A model folder that changes while it is served: each whole new version replaces the one before, and a damaged one does not.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

interface ReloadArgs<T> {
  /** Reads, checks and loads the folder as it stands. */
  load(): Promise<T>;
  onLoaded(version: T): void;
  /** The folder has changed and cannot be loaded; it is tried again after its next change. */
  onFault(error: Error): void;
  /** time between two looks in ms */
  readonly interval: number;
}

/** Looks at the folder until the returned function is called. A change counts once the folder has stood still from one look to the next. */
export function watchFolder<T>(folder: string, { load, onLoaded, onFault, interval }: ReloadArgs<T>): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let loaded: string | null = null;
  let before: string | null = null;
  async function look(): Promise<void> {
    const now = await stateOf(folder);
    loaded ??= now;
    const isStill = now === before;
    before = now;
    if (!isStill || now === loaded) return;
    loaded = now;
    try {
      const version = await load();
      onLoaded(version);
    } catch (error) {
      onFault(error as Error);
    }
  }
  const next = (): void => {
    if (!stopped) timer = setTimeout(() => void look().finally(next), interval).unref();
  };
  void look().finally(next);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** Sizes and times of the files; equal as long as nothing changes. A folder that cannot be read is a state too. */
async function stateOf(folder: string): Promise<string> {
  try {
    const names = (await readdir(folder, { recursive: true })).sort();
    const lines = names.map(async (name) => {
      const { size, mtimeMs, ino } = await stat(join(folder, name));
      return `${name} ${size} ${mtimeMs} ${ino}`;
    });
    return (await Promise.all(lines)).join('\n');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unreadable';
  }
}
