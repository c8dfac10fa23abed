// The committed model folders of @mdiff/generate (fixtures/make.py) and copies of them to damage.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const fixture = (name: 'shifted' | 'plain'): string => fileURLToPath(new URL(`../../generate/fixtures/${name}`, import.meta.url));

/** Runs `use` on a copy of the shifted fixture and removes the copy. */
export async function withCopy(use: (folder: string) => Promise<void>): Promise<void> {
  const place = await mkdtemp(join(tmpdir(), 'mdiff-folder-'));
  try {
    await cp(fixture('shifted'), join(place, 'whales'), { recursive: true });
    await use(join(place, 'whales'));
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}
