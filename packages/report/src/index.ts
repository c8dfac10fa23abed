export { course, heat, histogram, hue, scatter, signed, timeline } from './chart.js';
export type { Band, Dot, HistogramOptions, Mark } from './chart.js';
export { html, Markup } from './html.js';
export { textPage } from './page.js';
export type { ClusterRecord, ExampleRecord, MethodRecord, PlaneRecord, ScoreRecord, StageRecord, TextRecord } from './records.js';
export { style } from './style.js';
