// All that the page shows, and how each event changes it. Pure: session.ts does what takes time.
import type { Scored, Written } from './client.js';
import { before, marksOf, masksOf, type Frame } from './frames.js';
import { gapsOf, wholeWords } from './gaps.js';
import { historyOf, record, redo, undo, type History } from './history.js';
import { edited, emptyDoc, type Doc } from './marks.js';
import type { Action, Request } from './request.js';
import type { PageModel, Placed, Settings } from './settings.js';
import type { Shared } from './share.js';

export interface Run {
  readonly status: 'running' | 'done';
  readonly model: string;
  readonly request: Request;
  readonly frames: readonly Frame[];
  readonly result?: Written;
  /** its text went into the editor when its steps had been played for the first time */
  readonly settled?: boolean;
  /** time in ms */
  readonly took?: number;
}

export type Side = 'a' | 'b';

/** The models' opinions of the text. */
export interface Reading {
  readonly text: string;
  readonly scores: readonly { readonly model: string; readonly score: Scored }[];
  readonly busy: boolean;
}

export interface State {
  readonly history: History<Doc>;
  readonly selection: { readonly start: number; readonly end: number };
  readonly settings: Settings;
  readonly placed: readonly Placed[];
  readonly tab: 'write' | 'read';
  readonly models: readonly PageModel[];
  readonly ready: boolean;
  /** this browser may run the models itself */
  readonly local: boolean;
  readonly model: string | undefined;
  /** the other side of a comparison; null = write one text */
  readonly compare: { readonly seed?: number; readonly model?: string } | null;
  readonly runs: Partial<Record<Side, Run>>;
  /** the step on the screen */
  readonly shown: number;
  readonly playing: boolean;
  readonly reading: Reading | null;
  readonly failure: string | null;
  readonly needsToken: boolean;
  /** read out by screen readers */
  readonly notice: string;
}

export const initial: State = {
  history: historyOf(emptyDoc),
  selection: { start: 0, end: 0 },
  settings: {},
  placed: [],
  tab: 'write',
  models: [],
  ready: false,
  local: false,
  model: undefined,
  compare: null,
  runs: {},
  shown: 0,
  playing: false,
  reading: null,
  failure: null,
  needsToken: false,
  notice: '',
};

export const docOf = ({ history }: State): Doc => history.present;
export const modelOf = ({ models, model }: State): PageModel | undefined => models.find(({ id }) => id === model) ?? models[0];
const runsOf = ({ runs }: State): Run[] => [runs.a, runs.b].filter((run) => run !== undefined);
export const isRunning = (state: State): boolean => runsOf(state).some(({ status }) => status === 'running');
/** The last step of the longest run. */
export const lastStep = (state: State): number => Math.max(0, ...runsOf(state).map(({ frames }) => frames.length - 1));
export const frameOf = (run: Run | undefined, shown: number): Frame | undefined => run?.frames[Math.min(shown, run.frames.length - 1)];
export const frameBefore = (run: Run | undefined, shown: number): Frame | undefined => (shown > 0 ? frameOf(run, shown - 1) : undefined);
/** True while the page shows a step, and not the text that you edit. */
export const isPeeking = (state: State): boolean =>
  state.compare === null && state.runs.a !== undefined && (isRunning(state) || state.playing || state.shown < lastStep(state));

/** What the main button does: selected words are refilled, else gaps are filled, else the text goes on. */
export function mainAction(state: State): Exclude<Action, { kind: 'rewrite' }> {
  const { text } = docOf(state);
  const { start, end } = state.selection;
  const words = start === end ? null : wholeWords(text, start, end);
  if (words) return { kind: 'refill', ...words };
  return { kind: gapsOf(text).length > 0 ? 'fill' : 'continue' };
}

export type Event =
  | { readonly type: 'typed'; readonly text: string; readonly time: number }
  | { readonly type: 'replaced'; readonly doc: Doc; readonly time: number }
  | { readonly type: 'selected'; readonly start: number; readonly end: number }
  | { readonly type: 'undo' }
  | { readonly type: 'redo' }
  | { readonly type: 'stopped' }
  | { readonly type: 'dismissed' }
  | {
      readonly type: 'set';
      readonly values: Partial<Pick<State, 'settings' | 'placed' | 'tab' | 'model' | 'compare' | 'needsToken' | 'notice' | 'failure'>>;
    }
  | { readonly type: 'models'; readonly models: readonly PageModel[]; readonly ready: boolean; readonly local?: boolean }
  | { readonly type: 'shared'; readonly shared: Shared; readonly time: number }
  | { readonly type: 'started'; readonly runs: Partial<Record<Side, Run>> }
  | { readonly type: 'framed'; readonly side: Side; readonly frame: Frame }
  | {
      readonly type: 'finished';
      readonly side: Side;
      readonly result: Written;
      readonly took: number;
      readonly still: boolean;
      readonly time: number;
    }
  | { readonly type: 'failed'; readonly message: string; readonly token: boolean }
  | { readonly type: 'advanced'; readonly time: number }
  | { readonly type: 'scrubbed'; readonly shown: number }
  | { readonly type: 'replay'; readonly playing: boolean }
  | { readonly type: 'taken'; readonly side: Side; readonly time: number }
  | { readonly type: 'reading'; readonly reading: Reading };

export function next(state: State, event: Event): State {
  switch (event.type) {
    case 'typed':
      return changed(state, record(state.history, edited(docOf(state), event.text), { kind: 'typing', time: event.time }));
    case 'replaced':
      return changed(state, record(state.history, event.doc, { kind: 'replace', time: event.time }));
    case 'selected':
      return { ...state, selection: { start: event.start, end: event.end } };
    case 'undo':
      return { ...changed(state, undo(state.history)), notice: 'Undone.' };
    case 'redo':
      return { ...changed(state, redo(state.history)), notice: 'Redone.' };
    case 'set':
      return { ...state, ...event.values };
    case 'models':
      return { ...state, models: event.models, ready: event.ready, local: event.local ?? state.local, needsToken: false };
    case 'shared':
      return opened(state, event.shared, event.time);
    case 'reading':
      return { ...state, reading: event.reading, failure: null };
    case 'failed':
      return { ...state, runs: {}, playing: false, failure: event.message, needsToken: event.token, reading: null, notice: event.message };
    default:
      return played(state, event);
  }
}

/** The text has changed, so steps and figures of the old one go. */
const changed = (state: State, history: History<Doc>): State => ({
  ...state,
  history,
  runs: {},
  shown: 0,
  playing: false,
  reading: null,
  failure: null,
});

function opened(state: State, { text, settings, placed, model, tab = 'write', compare }: Shared, time: number): State {
  const history = record(state.history, { text, marks: [] }, { kind: 'replace', time });
  return { ...changed(state, history), settings, placed, tab, compare: compare ?? null, ...(model !== undefined && { model }) };
}

type Played = Extract<
  Event,
  { type: 'started' | 'framed' | 'finished' | 'advanced' | 'scrubbed' | 'replay' | 'taken' | 'stopped' | 'dismissed' }
>;

/** Events of a text that is being written, and of looking at its steps. */
function played(state: State, event: Played): State {
  switch (event.type) {
    case 'started':
      return { ...state, runs: event.runs, shown: 0, playing: true, failure: null, reading: null, notice: 'Writing.' };
    case 'framed': {
      const run = state.runs[event.side];
      return run
        ? {
            ...state,
            runs: {
              ...state.runs,
              [event.side]: { ...run, frames: [...(run.frames.length === 0 ? [before(event.frame)] : run.frames), event.frame] },
            },
          }
        : state;
    }
    case 'finished': {
      const run = state.runs[event.side];
      if (!run) return state;
      const done: Run = { ...run, status: 'done', result: event.result, took: event.took };
      const finished = { ...state, runs: { ...state.runs, [event.side]: done } };
      return event.still || done.frames.length === 0 ? settled({ ...finished, shown: lastStep(finished) }, event.time) : finished;
    }
    case 'advanced':
      return settled(state.shown < lastStep(state) ? { ...state, shown: state.shown + 1 } : state, event.time);
    case 'scrubbed':
      return { ...state, shown: Math.min(event.shown, lastStep(state)), playing: false };
    case 'replay':
      return { ...state, playing: event.playing, shown: event.playing && state.shown >= lastStep(state) ? 0 : state.shown };
    case 'taken': {
      const run = state.runs[event.side];
      if (!run?.result) return state;
      const taken = record(state.history, docOfRun(run, run.result), { kind: 'write', time: event.time });
      return { ...state, history: taken, runs: {}, shown: 0, notice: `Text ${event.side.toUpperCase()} is in the editor.` };
    }
    case 'stopped':
      return { ...state, runs: {}, playing: false, shown: 0, notice: 'Stopped.' };
    case 'dismissed':
      return { ...state, runs: {}, playing: false, shown: 0 };
  }
}

const docOfRun = ({ frames }: Run, { text }: Written): Doc => ({ text, marks: marksOf(frames.at(-1), text) });

/** Ends the playing at the last step. A text that is written for the first time then goes into the editor. */
function settled(state: State, time: number): State {
  if (!state.playing || isRunning(state) || state.shown < lastStep(state)) return state;
  const { a } = state.runs;
  const done = { ...state, playing: false };
  if (state.compare !== null) return { ...done, notice: 'Both texts are done.' };
  if (!a?.result || a.settled) return done;
  const doc = docOfRun(a, a.result);
  const steps = a.frames.length - 1;
  return {
    ...done,
    runs: { a: { ...a, settled: true } },
    history: record(state.history, doc, { kind: 'write', time }),
    notice: `Done in ${steps} ${steps === 1 ? 'step' : 'steps'}.`,
  };
}

/** The step on the screen, in words. */
export function stepInWords(state: State): string {
  const frame = frameOf(state.runs.a ?? state.runs.b, state.shown);
  if (!frame) return 'no steps yet';
  const masks = masksOf(frame);
  return `step ${state.shown} of ${lastStep(state)}, ${masks === 1 ? '1 mask' : `${masks} masks`} left`;
}
