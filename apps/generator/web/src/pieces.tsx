import { bandOf, type Frame } from './frames.js';
import type { Stretch } from './marks.js';

/** A canvas between two steps: given text, tokens in the colour of their probability, masks. */
export function Pieces({ frame, before }: { frame: Frame | undefined; before?: Frame | undefined }) {
  if (!frame) return null;
  return frame.pieces.map(({ text, state, confidence }, i) => {
    if (state === 'mask') return <span key={i} class="mask" />;
    if (state === 'given' || confidence === undefined) return <span key={i}>{text}</span>;
    // A canvas keeps its number of places between two steps, unless text was given or cut.
    const isNew = before !== undefined && before.pieces[i]?.state === 'mask';
    // The blank in front of a word belongs to its token, and carries no colour.
    const [, blank, word] = /^(\s*)(.*)$/s.exec(text)!;
    return (
      <span key={i} title={`${Math.round(confidence * 100)} % sure`}>
        {blank}
        <span class={`band${bandOf(confidence)}${state === 'provisional' ? ' provisional' : ''}${isNew ? ' new' : ''}`}>{word}</span>
      </span>
    );
  });
}

/** A text in the colours of its stretches. */
export const Coloured = ({ stretches }: { stretches: readonly Stretch[] }) =>
  stretches.map((stretch, i) => (
    <span key={i} class={classOf(stretch)}>
      {stretch.text}
    </span>
  ));

const classOf = ({ kind, confidence }: Stretch): string | undefined =>
  kind === 'mark' ? `band${bandOf(confidence ?? 1)}` : kind === 'plain' ? undefined : kind;

export function Legend({ read = false }: { read?: boolean }) {
  const [low, high] = read ? ['unexpected', 'expected'] : ['unsure', 'sure'];
  return (
    <p class="legend">
      <span>{low}</span>
      {[0, 1, 2, 3, 4].map((band) => (
        <span key={band} class={`swatch band${band}`} aria-hidden="true" />
      ))}
      <span>{high}</span>
    </p>
  );
}
