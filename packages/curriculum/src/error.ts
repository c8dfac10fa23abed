/** Settings and text that give no stages to train on. `message` is one line: the place, the expected value, the value, and the remedy. */
export class CurriculumError extends Error {
  override readonly name = 'CurriculumError';
  readonly code = 'MDIFF_CURRICULUM';
  readonly exitCode = 2;
}
