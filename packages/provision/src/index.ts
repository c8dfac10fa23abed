export { chosenSetting, examineEngines, listEngines } from './doctor.js';
export type { Chosen, Diagnosis, Examined, Listed } from './doctor.js';
export { fetchEncoder } from './fetch.js';
export type { FetchOptions, Fetched } from './fetch.js';
export { megabytes } from './pins.js';
export { provision } from './provision.js';
export type { Provisioned } from './provision.js';
export { buildEncoder } from './build.js';
