export { makeFolder, sha256, writeFileWhole, writeFolderWhole } from './files.js';
export { locateModel, readBase } from './base.js';
export type { BaseModel } from './base.js';
export { describeModel } from './describe.js';
export type { ModelDescription } from './describe.js';
export { isLocked, lockFolder } from './lock.js';
export { isAlive, sweep } from './processes.js';
export { readFolder, readFolderWhole } from './read.js';
export type { ModelFolder } from './contract.js';
