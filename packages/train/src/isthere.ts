import { stat } from 'node:fs/promises';

/** True for a file or folder that can be found. */
export const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
