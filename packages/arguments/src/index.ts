export { mustBe, mustKnow } from './arguments.js';
