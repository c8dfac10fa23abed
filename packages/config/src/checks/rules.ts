import type { Finding, Issue } from './issue.js';
import type { SectionName } from '../sections/keys.js';
import { awaitsFolder, clear, entryOf, isSet, issueFor, seeKey, valueOf, type View } from '../document/stack.js';
import type { StageConfig } from '../sections/types.js';
import { plain, quoted, shown } from './words.js';

/** A check over merged values. It runs when none of its inputs has an error; `scope` names the sections it reads. */
export interface Rule {
  inputs: readonly string[];
  scope: readonly (SectionName | 'project')[];
  check(view: View): Issue | Issue[] | undefined;
}

const num = (view: View, key: string): number => valueOf(view, key) as number;
const text = (view: View, key: string): string => valueOf(view, key) as string;

/** `a <= b`, reported at a. */
const atMost = (code: string, scope: Rule['scope'], key: string, top: string, what = 'an integer'): Rule => ({
  inputs: [key, top],
  scope,
  check: (view) => {
    const [value, limit] = [valueOf(view, key), num(view, top)];
    if (typeof value !== 'number' || value <= limit) return undefined;
    return issueFor(view, key, { code, expected: `${what} <= ${top} (${plain(limit)})`, got: plain(value), see: seeKey(view, top) });
  },
});

const rule = (
  code: string,
  scope: Rule['scope'],
  at: string,
  see: string,
  more: readonly string[],
  check: (view: View) => Pick<Finding, 'expected' | 'got'> | undefined,
): Rule => ({
  inputs: [at, see, ...more],
  scope,
  check: (view) => {
    const finding = check(view);
    return finding && issueFor(view, at, { code, ...finding, see: seeKey(view, see) });
  },
});

const divides: Rule = {
  inputs: ['model.d_model', 'model.n_heads'],
  scope: ['model'],
  check: (view) => {
    const [d, n] = [num(view, 'model.d_model'), num(view, 'model.n_heads')];
    if (d % n === 0) return undefined;
    if (isSet(view, 'model.n_heads') && !isSet(view, 'model.d_model')) {
      return issueFor(view, 'model.n_heads', {
        code: 'E2',
        expected: `a divisor of model.d_model (${d})`,
        got: `${n}`,
        see: seeKey(view, 'model.d_model'),
      });
    }
    return issueFor(view, 'model.d_model', {
      code: 'E2',
      expected: `a multiple of model.n_heads (${n})`,
      got: `${d}`,
      see: seeKey(view, 'model.n_heads'),
    });
  },
};

const weightKeys = ['curriculum.lexical_weight', 'curriculum.syntactic_weight', 'curriculum.centrality_weight'] as const;
const layerRank = { default: 0, preset: 1, file: 2, env: 3, set: 4, code: 5 } as const;

const weights: Rule = {
  inputs: weightKeys,
  scope: ['curriculum'],
  check: (view) => {
    const values = weightKeys.map((key) => num(view, key));
    const sum = values.reduce((a, b) => a + b, 0);
    if (Math.abs(sum - 1) <= 1e-6) return undefined;
    // The error stands at the weight written last: in the topmost layer, and there furthest down the file.
    const order = (key: string): [number, number, number] => {
      const entry = entryOf(view, key);
      const place = entry.at(entry.written);
      return [layerRank[entry.kind], place.line ?? 0, place.column ?? 0];
    };
    const later = (a: string, b: string): boolean => {
      const [x, y] = [order(a), order(b)];
      return x[0] - y[0] > 0 || (x[0] === y[0] && (x[1] - y[1] > 0 || (x[1] === y[1] && x[2] >= y[2])));
    };
    const last = weightKeys.reduce((best, key) => (later(key, best) ? key : best));
    const other = weightKeys.find((key) => key !== last)!;
    return issueFor(view, last, {
      code: 'E9',
      expected: 'lexical, syntactic and centrality weights that sum to 1',
      got: `${values.map(plain).join(' + ')} = ${plain(Math.round(sum * 1e6) / 1e6)}`,
      see: seeKey(view, other),
    });
  },
};

const stages: Rule = {
  inputs: [],
  scope: ['curriculum'],
  check: (view) => {
    const list = valueOf(view, 'curriculum.stages') as (Partial<StageConfig> | null)[];
    const found: Issue[] = [];
    const firstAt = new Map<string, number>();
    list.forEach((stage, i) => {
      const at = `curriculum.stages[${i}]`;
      const range = stage?.masking_rate_range;
      if (range && clear(view, `${at}.masking_rate_range`) && range[0] > range[1]) {
        found.push(
          issueFor(
            view,
            'curriculum.stages',
            { code: 'E11', expected: '[min, max] with min <= max', got: `[${plain(range[0])}, ${plain(range[1])}]` },
            [i, 'masking_rate_range'],
          ),
        );
      }
      const name = stage?.name;
      if (name === undefined || !clear(view, `${at}.name`)) return;
      const earlier = firstAt.get(name);
      if (earlier === undefined) firstAt.set(name, i);
      else {
        found.push(
          issueFor(
            view,
            'curriculum.stages',
            {
              code: 'E12',
              expected: 'a name not used by another stage',
              got: quoted(name),
              see: seeKey(view, 'curriculum.stages', [earlier, 'name']),
            },
            [i, 'name'],
          ),
        );
      }
    });
    return found;
  },
};

const runsOn: Readonly<Record<string, readonly string[]>> = {
  onnxruntime: ['cpu', 'cuda', 'webgpu'],
  tfjs_node: ['cpu', 'cuda'],
  tfjs: ['cpu'],
};

/** The errors of docs/configuration-specification.md, section 2, that need no knowledge of the machine. */
export const errorRules: readonly Rule[] = [
  divides,
  rule('E3', ['model'], 'model.n_heads', 'model.d_model', ['model.pos_encoding'], (view) => {
    const [d, n] = [num(view, 'model.d_model'), num(view, 'model.n_heads')];
    const size = d / n;
    if (text(view, 'model.pos_encoding') !== 'rope' || !Number.isInteger(size) || size % 2 === 0) return undefined;
    return { expected: 'an even head size for pos_encoding "rope"', got: `${d} / ${n} = ${size}` };
  }),
  rule('E4', ['project'], 'model.vocab_size', 'tokenizer.type', [], (view) => {
    const size = num(view, 'model.vocab_size');
    return size >= 261 ? undefined : { expected: 'an integer >= 261 (5 reserved ids and 256 bytes)', got: `${size}` };
  }),
  atMost('E5', ['training'], 'training.min_learning_rate', 'training.learning_rate', 'a number'),
  atMost('E6', ['project'], 'generation.max_length', 'model.max_seq_len'),
  atMost('E7', ['project'], 'data.max_sentence_length', 'model.max_seq_len'),
  atMost('E8', ['data'], 'data.min_sentence_length', 'data.max_sentence_length'),
  weights,
  rule('E10', ['curriculum'], 'curriculum.easy_threshold', 'curriculum.hard_threshold', [], (view) => {
    const [easy, hard] = [num(view, 'curriculum.easy_threshold'), num(view, 'curriculum.hard_threshold')];
    return easy < hard ? undefined : { expected: `a number < curriculum.hard_threshold (${plain(hard)})`, got: plain(easy) };
  }),
  stages,
  rule('E13', ['generation'], 'generation.style_strength', 'generation.style_tokens', [], (view) => {
    const strength = num(view, 'generation.style_strength');
    if (strength === 1 || (valueOf(view, 'generation.style_tokens') as string[]).length > 0) return undefined;
    return { expected: '1 while generation.style_tokens is empty', got: plain(strength) };
  }),
  rule('E14', ['generation'], 'generation.remasking', 'generation.sampler', [], (view) => {
    const [chance, sampler] = [num(view, 'generation.remasking'), text(view, 'generation.sampler')];
    return chance === 0 || sampler === 'ancestral'
      ? undefined
      : { expected: `0 unless generation.sampler is "ancestral" (it is "${sampler}")`, got: plain(chance) };
  }),
  rule('E14', ['generation'], 'generation.early_commit', 'generation.sampler', [], (view) => {
    const wrong = valueOf(view, 'generation.early_commit') === true && text(view, 'generation.sampler') === 'causal';
    return wrong ? { expected: 'false while generation.sampler is "causal"', got: 'true' } : undefined;
  }),
  atMost('E15', ['generation'], 'generation.block_length', 'generation.max_length'),
  atMost('E15', ['generation'], 'generation.min_length', 'generation.max_length'),
  rule('E16', ['project'], 'engine', 'device', [], (view) => {
    const [engine, device] = [text(view, 'engine'), text(view, 'device')];
    if (!isSet(view, 'engine') || !isSet(view, 'device') || device === 'auto' || engine === 'auto' || runsOn[engine]!.includes(device))
      return undefined;
    return { expected: `an engine that runs on device "${device}"`, got: shown(engine) };
  }),
  rule('E17', ['project'], 'training.max_steps', 'curriculum.stages', ['training.on_max_steps'], (view) => {
    const [steps, least] = [valueOf(view, 'training.max_steps') as number | null, (valueOf(view, 'curriculum.stages') as unknown[]).length];
    if (steps === null || text(view, 'training.on_max_steps') !== 'scale' || steps >= least) return undefined;
    return { expected: `an integer >= ${least} (one step per stage) for on_max_steps "scale"`, got: `${steps}` };
  }),
  rule('E18', ['project'], 'model.mask_token_id', 'tokenizer.path', [], (view) => {
    const id = num(view, 'model.mask_token_id');
    return id === 0 || valueOf(view, 'tokenizer.path') !== null ? undefined : { expected: '0 (the id of [MASK])', got: `${id}` };
  }),
  rule('E21', ['project'], 'training.causal_fraction', 'model.shift_head', [], (view) => {
    const share = num(view, 'training.causal_fraction');
    return share === 0 || valueOf(view, 'model.shift_head') === true
      ? undefined
      : { expected: '0 unless model.shift_head is true', got: plain(share) };
  }),
  rule('E22', ['project'], 'generation.sampler', 'training.causal_fraction', [], (view) => {
    const sampler = text(view, 'generation.sampler');
    return num(view, 'training.causal_fraction') < 1 || sampler === 'causal'
      ? undefined
      : { expected: '"causal" while training.causal_fraction is 1', got: shown(sampler) };
  }),
];

/** Runs the rules whose sections are all in `scope` (all of them without one). */
export function runRules(rules: readonly Rule[], view: View, scope?: readonly SectionName[]): Issue[] {
  return rules
    .filter((item) => scope === undefined || item.scope.every((name) => name !== 'project' && scope.includes(name)))
    .filter((item) => clear(view, ...item.inputs) && !item.inputs.some((key) => awaitsFolder(view, key)))
    .flatMap((item) => item.check(view) ?? []);
}
