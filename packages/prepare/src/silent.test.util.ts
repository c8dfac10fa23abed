import type { PrepareReporter } from './reporter.js';

export const silent: PrepareReporter = { phase: () => undefined, progress: () => undefined, note: () => undefined };
