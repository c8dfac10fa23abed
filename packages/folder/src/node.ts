export { readFolderWhole, sha256, sweep, writeFileWhole, writeFolderWhole } from './files.js';
export type { Manifest } from './files.js';
export { readFolder } from './folder.js';
export type { ModelFolder, ModelFolderConfig } from './folder.js';
export { lockRun } from './lock.js';
