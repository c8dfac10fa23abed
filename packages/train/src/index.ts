export { latestCheckpoint, listCheckpoints, loadCheckpoint } from './checkpoint.js';
export type { Checkpoint, Progress } from './checkpoint.js';
export { readMetrics } from './metrics.js';
export type { MetricLine } from './metrics.js';
export type { TrainOptions, TrainResult } from './options.js';
export { silent } from './reporter.js';
export type { Reporter, StepReport } from './reporter.js';
export type { Fingerprint, RecordedPlan, RunRecord } from './record.js';
export { train } from './run.js';
