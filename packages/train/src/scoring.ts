export { openScoring, type Scoring } from './score.js';
