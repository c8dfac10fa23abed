import type * as files from './files.js';

// A browser has no files: stands in for `files.ts` under the `browser` condition.

export const readText: typeof files.readText = () => ({ problem: 'a preset name (files cannot be read here)' });

export const fileExists: typeof files.fileExists = () => false;

export const writeText: typeof files.writeText = (path) => {
  throw Object.assign(new Error(`cannot write ${path} in a browser; use config.toYaml() for the text`), {
    code: 'MDIFF_WRITE',
    exitCode: 1,
  });
};

export const environment: typeof files.environment = () => ({});

export const atHome: typeof files.atHome = (path) => path;
