import { useState } from 'preact/hooks';
import { Code } from './code.js';
import { Comparison } from './compare.js';
import { usePage } from './context.js';
import { Editor } from './editor.js';
import { Header } from './header.js';
import { Panel } from './panel.js';
import { keepToken } from './place.js';
import { Player } from './player.js';
import { Report } from './reading.js';
import { docOf } from './state.js';
import { ReadBar, WriteBar } from './toolbar.js';

const EXAMPLES = [
  ['Continue a beginning', 'The captain said that'],
  ['Fill gaps of any length', 'The captain stood upon the ___ and looked out over the ___.'],
  ['A gap in front', '___ and that was the last we saw of the ship.'],
] as const;

export function App() {
  const { state } = usePage();
  const writing = state.tab === 'write';
  return (
    <>
      <Header />
      <main class={writing ? 'with-panel' : ''}>
        <div class="desk">
          <section class="paper" aria-label={writing ? 'Write' : 'Read'}>
            <p id="help" class="help">
              {writing
                ? 'Select words and refill them. Write ___ where a gap shall be.'
                : 'Paste a text. The model marks the words that it did not expect.'}
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
          {writing && <Code />}
        </div>
        {writing && <Panel />}
      </main>
      <p class="notice" role="status">
        {state.notice}
      </p>
    </>
  );
}

function Examples() {
  const { session, state } = usePage();
  if (docOf(state).text !== '' || state.runs.a) return null;
  return (
    <section class="examples" aria-label="Examples">
      <h2>Try</h2>
      {EXAMPLES.map(([title, text]) => (
        <button key={title} type="button" onClick={() => session.send({ type: 'replaced', doc: { text, marks: [] } })}>
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
