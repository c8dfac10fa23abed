export { openInBrowser } from './browser.js';
export { CommandLine } from './command.js';
export { exitCodeOf, guardFailures, Interrupted, isUserError, reportFailure, UsageError } from './failure.js';
export {
  addConfigFlags,
  collect,
  count,
  fileOf,
  integer,
  layersOf,
  number,
  port,
  settingsOf,
  type ConfigFlags,
  type FlagSetting,
} from './flags.js';
export { ignoreStops, interruptible } from './interrupt.js';
export { launch } from './launch.js';
export { guardOutput, outputIsLog, print, progressLine } from './print.js';
export { reporterFor } from './reporter.js';
export { followLauncher } from './signals.js';
export { table } from './table.js';
