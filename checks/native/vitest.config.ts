import { suite } from '../suite.config.js';

// The suites that need native TensorFlow. Nearly every test computes on one thread, so two files run side by side.
export default suite('native', { maxWorkers: 2 });
