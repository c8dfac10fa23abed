import { createRequire } from 'node:module';
import type * as yaml from 'yaml';

// `yaml` has 70 modules, and most commands of a finished model read no YAML: it is loaded at the first text.

let library: typeof yaml | undefined;

/** The package `yaml`. */
export const yamlLibrary = (): typeof yaml => (library ??= createRequire(import.meta.url)('yaml') as typeof yaml);
