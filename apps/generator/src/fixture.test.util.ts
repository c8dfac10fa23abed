import { fileURLToPath } from 'node:url';

/** For tests: the tiny model folder of `@mdiff/generate`. */
export const fixture = fileURLToPath(new URL('../../../packages/generate/fixtures/shifted', import.meta.url));
