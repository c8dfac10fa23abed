export { reporterFor } from './reporter.js';
