import { suite } from '../suite.config.js';

// The suites that need a WebGPU device, if only a software one.
export default suite('webgpu');
