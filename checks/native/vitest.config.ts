import { suite } from '../suite.config.js';

// The suites that need native TensorFlow.
export default suite('native');
