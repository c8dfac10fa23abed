export { exitCodeOf, guardFailures, Interrupted, isUserError, reportFailure, UsageError } from './failure.js';
export { addConfigFlags, collect, integer, layersOf, number, port, type ConfigFlags } from './flags.js';
export { interruptible } from './interrupt.js';
export { launch } from './launch.js';
export { guardOutput, outputIsLog, print, progressLine } from './print.js';
export { reporterFor } from './reporter.js';
export { followLauncher } from './signals.js';
export { table } from './table.js';
