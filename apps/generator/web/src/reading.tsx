import { usePage } from './context.js';
import { Legend } from './pieces.js';
import { docOf } from './state.js';
import { expectedness, strangest } from './words.js';
import { bandOf } from './frames.js';

/** What the models think of the text: a ranking, and the words that were least expected. */
export function Report() {
  const { state } = usePage();
  const { reading } = state;
  if (!reading || reading.text !== docOf(state).text || reading.scores.length === 0) return null;
  const ranked = [...reading.scores].sort((a, b) => a.score.bits_per_byte - b.score.bits_per_byte);
  const words = reading.scores[0]!.score.words ?? [];
  return (
    <section class="report" aria-label="Figures">
      {words.length > 0 && <Legend read />}
      <Verdict />
      <table>
        <thead>
          <tr>
            <th scope="col">model</th>
            <th scope="col">bits per byte</th>
            <th scope="col" class="wide">
              <span class="hidden">bar</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {ranked.map(({ model, score }) => (
            <tr key={model}>
              <th scope="row">{model}</th>
              <td>
                {score.bits_per_byte.toFixed(2)}
                {score.bits_per_byte_error !== null && <small> ± {score.bits_per_byte_error.toFixed(2)}</small>}
              </td>
              <td class="wide">
                <meter
                  min={0}
                  max={ranked.at(-1)!.score.bits_per_byte}
                  value={score.bits_per_byte}
                  aria-label={`bits per byte of ${model}`}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {words.length > 0 && (
        <>
          <h2>Least expected by {reading.scores[0]!.model}</h2>
          <ol class="strange">
            {strangest(words, 8).map(({ text, nats }, i) => (
              <li key={i}>
                <span class={`band${bandOf(expectedness(nats))}`}>{text}</span> <small>{(nats / Math.LN2).toFixed(1)} bits</small>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

function Verdict() {
  const { state } = usePage();
  const { scores, busy } = state.reading!;
  if (busy) return <p>Asking the next model …</p>;
  const [first, second] = [...scores].sort((a, b) => a.score.bits_per_byte - b.score.bits_per_byte);
  if (!first) return null;
  if (!second)
    return <p>Fewer bits per byte mean a likelier text. With several models on the server, this page also says whose style it is.</p>;
  const difference = second.score.bits_per_byte - first.score.bits_per_byte;
  const error = Math.hypot(first.score.bits_per_byte_error ?? 0, second.score.bits_per_byte_error ?? 0);
  if (difference < 2 * error)
    return (
      <p>
        <strong>{first.model}</strong> and <strong>{second.model}</strong> find the text about equally likely; a longer text tells them
        apart.
      </p>
    );
  return (
    <p>
      This is most like <strong>{first.model}</strong>: it needs {difference.toFixed(2)} bits per byte fewer than {second.model}.
    </p>
  );
}
