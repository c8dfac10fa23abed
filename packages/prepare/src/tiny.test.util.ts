import { projectConfig } from '@mdiff/config';
import type { ProjectConfig, ProjectInput } from '@mdiff/config';
import { tinyRun as run } from '@mdiff/testing';

export { tinyBook } from '@mdiff/testing';

/** A fresh folder with the tiny book of @mdiff/testing and the configuration of a run on it. */
export const tinyRun = (changes: ProjectInput = {}): Promise<{ folder: string; config: ProjectConfig; book: string }> =>
  run(projectConfig, changes);
