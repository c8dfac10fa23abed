import { useLayoutEffect, useRef } from 'preact/hooks';
import { usePage } from './context.js';
import { gapsOf, wholeWords } from './gaps.js';
import { stretchesOf } from './marks.js';
import { Coloured, Pieces } from './pieces.js';
import { docOf, frameBefore, frameOf, isPeeking, mainAction, type State } from './state.js';
import { wordRanges } from './words.js';

/** A text area over a layer of the same text that carries the colours; the layer also makes it grow with the text. */
export function Editor() {
  const { session, state } = usePage();
  const area = useRef<HTMLTextAreaElement>(null);
  const { text } = docOf(state);
  const peeking = isPeeking(state);
  // None before the first step: the text stands as it was until then.
  const frame = frameOf(state.runs.a, state.shown);
  useLayoutEffect(() => {
    // A text that came from elsewhere moves the caret; the selection is set again only if it is the page's own.
    const { start, end } = state.selection;
    const node = area.current;
    if (node && document.activeElement === node && (node.selectionStart !== start || node.selectionEnd !== end) && end <= text.length)
      node.setSelectionRange(start, end);
  }, [text]);
  const select = (): void => {
    const node = area.current!;
    session.send({ type: 'selected', start: node.selectionStart, end: node.selectionEnd });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (command && key === 'enter') session.write(mainAction(session.state()));
    else if (command && key === 'z') session.send({ type: event.shiftKey ? 'redo' : 'undo' });
    else if (command && key === 'y') session.send({ type: 'redo' });
    else if (key === 'escape') session.stop();
    else return;
    event.preventDefault();
  };
  return (
    <div class={peeking ? 'editor peeking' : 'editor'}>
      <div class="layer" aria-hidden="true">
        {peeking && frame ? <Pieces frame={frame} before={frameBefore(state.runs.a, state.shown)} /> : <Stretches state={state} />}
        {'\n'}
      </div>
      <textarea
        id="text"
        ref={area}
        aria-label="Text"
        aria-describedby="help"
        placeholder="Write something …"
        spellcheck={false}
        readOnly={peeking}
        value={text}
        onInput={({ currentTarget: { value } }) => {
          session.send({ type: 'typed', text: value });
          select();
        }}
        onSelect={select}
        onKeyDown={onKeyDown}
      />
    </div>
  );
}

/** The text with its gaps, the words that would be refilled, and the colours of what a model wrote or thinks of it. */
function Stretches({ state }: { state: State }) {
  const { text, marks } = docOf(state);
  const { start, end } = state.selection;
  const selected = start === end ? null : wholeWords(text, start, end);
  const stretches = stretchesOf(text, [
    ...gapsOf(text).map((gap) => ({ ...gap, kind: 'gap' as const })),
    ...(selected && state.tab === 'write' ? [{ ...selected, kind: 'focus' as const }] : []),
    ...(state.tab === 'read' ? wordRanges(text, state.reading) : marks.map((mark) => ({ ...mark, kind: 'mark' as const }))),
  ]);
  return <Coloured stretches={stretches} />;
}
