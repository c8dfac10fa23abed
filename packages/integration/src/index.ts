// Shared by the suites under checks/ and the tests here: they run the same trainings and the same contract on engines that `npm test` cannot have.
export { workplace } from './command.test.util.js';
export type { Workplace } from './command.test.util.js';
export { contract, shapes } from './contract.test.util.js';
export { apart, differences, optionsOf, trained, trainedBy, variants } from './parity.test.util.js';
export type { Trained, Variant } from './parity.test.util.js';
export { UNIT_ROUNDOFF, comparedWithin, float32Limits, lossRounding } from './rounding.test.util.js';
export type { Comparison } from './rounding.test.util.js';
