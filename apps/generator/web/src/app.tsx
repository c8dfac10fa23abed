import { useState } from 'preact/hooks';
import { About } from './about.js';
import { Code } from './code.js';
import { Comparison } from './compare.js';
import { usePage } from './context.js';
import { Editor } from './editor.js';
import { Header } from './header.js';
import { Panel } from './panel.js';
import { keepToken } from './place.js';
import { Player } from './player.js';
import { Report } from './reading.js';
import type { Settings } from './settings.js';
import { docOf, isPeeking, isRunning, type State } from './state.js';
import { ReadBar, WriteBar } from './toolbar.js';

const EXAMPLES: readonly { title: string; text: string; settings: Settings }[] = [
  { title: 'Fill gaps of any length', text: 'The captain stood upon the ___ and looked out over the ___.', settings: {} },
  { title: 'Write what comes before', text: '___ and that was the last we saw of the ship.', settings: {} },
  { title: 'Watch words appear anywhere', text: 'In the morning the crew', settings: { sampler: 'first_hitting', block: 0, length: 32 } },
];

export function App() {
  const { state, client } = usePage();
  const writing = state.tab === 'write';
  return (
    <>
      <Header />
      <main class={writing ? 'with-panel' : ''}>
        <div class="desk">
          <section class="paper" aria-label={writing ? 'Write' : 'Read'}>
            <p id="help" class="help">
              {help(state)}
            </p>
            <Editor />
            {writing ? <WriteBar /> : <ReadBar />}
          </section>
          <Failure />
          {writing ? (
            <>
              <Player />
              <Comparison />
              <Examples />
            </>
          ) : (
            <Report />
          )}
          {writing && client.where === 'server' && <Code />}
        </div>
        {writing && <Panel />}
      </main>
      <About />
      <p class="notice" role="status">
        {state.notice !== '' && <span key={state.notice}>{state.notice}</span>}
      </p>
    </>
  );
}

function help(state: State): string {
  if (state.tab === 'read') return 'Paste a text. The model marks the words that it did not expect.';
  if (isRunning(state)) return 'The model is writing.';
  if (isPeeking(state)) return 'This is a step on the way. The last step is the text that you edit.';
  return 'Select words and refill them, or write ___ where a gap shall be.';
}

function Examples() {
  const { session, state } = usePage();
  if (docOf(state).text !== '' || state.runs.a) return null;
  return (
    <section class="examples" aria-label="Examples">
      <h2>Try</h2>
      {EXAMPLES.map(({ title, text, settings }) => (
        <button
          key={title}
          type="button"
          onClick={() => {
            session.send({ type: 'replaced', doc: { text, marks: [] } });
            session.send({ type: 'set', values: { settings: { ...state.settings, ...settings } } });
            document.getElementById('text')?.focus();
          }}
        >
          <strong>{title}</strong>
          <span>{text}</span>
        </button>
      ))}
    </section>
  );
}

/** A failure, and the field for a token if that is what is missing. */
function Failure() {
  const { session, state } = usePage();
  const [value, setValue] = useState('');
  if (state.failure === null) return null;
  return (
    <div class="failure" role="alert">
      <p>{state.needsToken ? 'This server wants a token.' : state.failure}</p>
      {state.needsToken && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            keepToken(value);
            session.send({ type: 'set', values: { failure: null, needsToken: false } });
            void session.connect();
          }}
        >
          <label>
            Token
            <input type="password" autocomplete="off" value={value} onInput={({ currentTarget }) => setValue(currentTarget.value)} />
          </label>
          <button type="submit">Use it</button>
        </form>
      )}
    </div>
  );
}
