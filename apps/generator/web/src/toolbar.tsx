import { useState } from 'preact/hooks';
import { usePage } from './context.js';
import { gapsOf, OPEN_GAP, wholeWords } from './gaps.js';
import { docOf, isRunning, mainAction, type State } from './state.js';

const LENGTHS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The gap that the caret stands in or beside. */
const gapAt = (state: State) =>
  gapsOf(docOf(state).text).find(({ start, end }) => start <= state.selection.start && state.selection.end <= end);

const markerOf = (length: string): string => (length === '' ? '___' : `___{${length}}`);

export function WriteBar() {
  const { session, state } = usePage();
  const { text, marks } = docOf(state);
  const running = isRunning(state);
  const main = mainAction(state);
  const { start, end } = state.selection;
  const words = wholeWords(text, start, end);
  const idle = !state.ready && state.models.length === 0;
  if (running)
    return (
      <div class="bar">
        <button type="button" class="main" onClick={() => session.stop()}>
          Stop <kbd>Esc</kbd>
        </button>
      </div>
    );
  const label = { refill: 'Refill selected words', fill: 'Fill the gaps', continue: text === '' ? 'Write something' : 'Continue' }[
    main.kind
  ];
  return (
    <div class="bar">
      <button type="button" class="main" disabled={idle} onClick={() => session.write(main)}>
        {label} <kbd>Ctrl ↵</kbd>
      </button>
      {main.kind !== 'refill' && (
        <button type="button" disabled={idle || !words} onClick={() => words && session.write({ kind: 'refill', ...words })}>
          Refill
        </button>
      )}
      {main.kind !== 'continue' && (
        <button type="button" disabled={idle} onClick={() => session.write({ kind: 'continue' })}>
          Continue
        </button>
      )}
      <GapTools />
      <RewriteTools />
      {marks.length > 0 && (
        <button type="button" class="quiet" onClick={() => session.send({ type: 'replaced', doc: { text, marks: [] } })}>
          Clear colours
        </button>
      )}
    </div>
  );
}

const SHARES = [0.1, 0.2, 0.3, 0.5];

/** Writes a share of the words anew, those that the seed chooses. */
function RewriteTools() {
  const { session, state } = usePage();
  const [share, setShare] = useState(0.2);
  if (!/\p{L}+\P{L}+\p{L}+/u.test(docOf(state).text)) return null;
  return (
    <span class="group">
      <button type="button" disabled={!state.ready && state.models.length === 0} onClick={() => session.write({ kind: 'rewrite', share })}>
        Rewrite
      </button>
      <label class="inline">
        <select
          aria-label="Share of the words to rewrite"
          value={share}
          onChange={({ currentTarget: { value } }) => setShare(Number(value))}
        >
          {SHARES.map((one) => (
            <option key={one} value={one}>
              {Math.round(100 * one)} % of the words
            </option>
          ))}
        </select>
      </label>
    </span>
  );
}

/** Puts a gap at the caret, or changes the length of the one that is there. */
function GapTools() {
  const { session, state } = usePage();
  const { text } = docOf(state);
  const gap = gapAt(state);
  const length = gap && !same(gap.gap, OPEN_GAP) ? String(gap.gap) : '';
  const put = (start: number, end: number, marker: string): void => {
    const before = text.slice(0, start);
    const after = text.slice(end);
    const left = before === '' || /\s$/.test(before) || gap ? '' : ' ';
    const right = after === '' || /^[\s.,;:!?)”’"']/.test(after) || gap ? '' : ' ';
    const caret = start + left.length + marker.length;
    session.send({ type: 'selected', start: caret, end: caret });
    session.send({ type: 'replaced', doc: { text: before + left + marker + right + after, marks: [] } });
    document.getElementById('text')?.focus();
  };
  return (
    <span class="group">
      {!gap && (
        <button type="button" onClick={() => put(state.selection.start, state.selection.end, '___')}>
          Put a gap
        </button>
      )}
      {gap && (
        <label class="inline">
          This gap
          <select value={length} onChange={({ currentTarget: { value } }) => put(gap.start, gap.end, markerOf(value))}>
            <option value="">open length</option>
            {[...new Set([...LENGTHS.map(String), ...(length === '' ? [] : [length])])].map((one) => (
              <option key={one} value={one}>
                {one.replace(',', ' to ')} {one === '1' ? 'token' : 'tokens'}
              </option>
            ))}
          </select>
        </label>
      )}
    </span>
  );
}

export function ReadBar() {
  const { session, state } = usePage();
  const several = state.models.length > 1;
  const busy = state.reading?.busy === true;
  return (
    <div class="bar">
      <button
        type="button"
        class="main"
        disabled={busy || docOf(state).text.trim() === '' || state.models.length === 0}
        onClick={() => session.read()}
      >
        {busy ? 'Reading …' : several ? 'Whose style is this?' : 'How likely is this text?'}
      </button>
    </div>
  );
}
