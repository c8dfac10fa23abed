import { tf } from './tf.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deviation, host, session, tensor, tidy, run, type HostTensor } from './harness.test.util.js';
import { optimize, toOnnx, trace, updateName } from './index.js';

const shape = { V: 31, D: 16, L: 2, H: 2, S: 8, B: 3, F: 24 };

function model() {
  const { V, D, L, H, S, B, F } = shape;
  const variables: Record<string, tf.Variable> = {};
  const make = (name: string, dims: number[], scale: number): tf.Variable => {
    const values = tf.randomNormal(dims, 0, scale, 'float32', 7 + Object.keys(variables).length);
    return (variables[name] = tf.variable(scale === 0 ? tf.ones(dims) : values, true));
  };
  const emb = make('emb', [V, D], 0.1);
  const pos = make('pos', [S, D], 0.1);
  const blocks = Array.from({ length: L }, (_, l) => ({
    g1: make(`g1_${l}`, [D], 0),
    wq: make(`wq_${l}`, [D, D], 0.2),
    wk: make(`wk_${l}`, [D, D], 0.2),
    wv: make(`wv_${l}`, [D, D], 0.2),
    wo: make(`wo_${l}`, [D, D], 0.2),
    g2: make(`g2_${l}`, [D], 0),
    w1: make(`w1_${l}`, [D, F], 0.2),
    w2: make(`w2_${l}`, [F, D], 0.2),
  }));
  const norm = (x: tf.Tensor, gain: tf.Tensor): tf.Tensor =>
    tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), 1e-6))), gain);
  const gelu = (x: tf.Tensor): tf.Tensor => tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))));
  const heads = (x: tf.Tensor): tf.Tensor => tf.transpose(tf.reshape(x, [B, S, H, D / H]), [0, 2, 1, 3]);
  const loss = (ids: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor): tf.Scalar => {
    let x: tf.Tensor = tf.reshape(tf.add(tf.gather(emb, ids as tf.Tensor2D), pos), [B * S, D]);
    for (const b of blocks) {
      const h = norm(x, b.g1);
      const [q, k, v] = [b.wq, b.wk, b.wv].map((w) => heads(tf.matMul(h as tf.Tensor2D, w as tf.Tensor2D))) as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      const attention = tf.softmax(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(D / H)));
      const mixed = tf.reshape(tf.transpose(tf.matMul(attention, v), [0, 2, 1, 3]), [B * S, D]);
      x = tf.add(x, tf.matMul(mixed, b.wo));
      x = tf.add(x, tf.matMul(gelu(tf.matMul(norm(x, b.g2), b.w1)), b.w2));
    }
    const logProbability = tf.logSoftmax(tf.matMul(x as tf.Tensor2D, emb as tf.Tensor2D, false, true));
    const picked = tf.sum(tf.mul(logProbability, tf.oneHot(tf.reshape(targets, [-1]) as tf.Tensor1D, V)), -1);
    return tf.neg(tf.sum(tf.mul(picked, weights)));
  };
  return { variables, loss };
}

describe('a transformer step with Adam', () => {
  let built: ReturnType<typeof model>;
  beforeAll(async () => {
    await tf.setBackend('cpu');
    built = model();
  });
  afterAll(() => tf.disposeVariables());

  it('equals tfjs-cpu over five steps', async () => {
    const { variables: parameters, loss } = built;
    const { V, B, S } = shape;
    const variables: Record<string, tf.Variable> = { ...parameters };
    for (const [name, parameter] of Object.entries(parameters)) {
      variables[`m_${name}`] = tf.variable(tf.zerosLike(parameter), false);
      variables[`v_${name}`] = tf.variable(tf.zerosLike(parameter), false);
    }
    variables.step = tf.variable(tf.scalar(0), false);
    const step = ({ ids, targets, weights, rate }: Record<'ids' | 'targets' | 'weights' | 'rate', tf.Tensor>): Record<string, tf.Tensor> =>
      tf.tidy(() => {
        const { value, grads } = tf.variableGrads(() => loss(ids, targets, weights), Object.values(parameters));
        const t = variables.step!;
        t.assign(tf.add(t, 1));
        const [c1, c2] = [0.9, 0.95].map((beta) => tf.sub(1, tf.pow(tf.scalar(beta), t))) as [tf.Tensor, tf.Tensor];
        for (const [name, parameter] of Object.entries(parameters)) {
          const gradient = grads[parameter.name]!;
          const [m, v] = [variables[`m_${name}`]!, variables[`v_${name}`]!];
          m.assign(tf.add(tf.mul(m, 0.9), tf.mul(gradient, 0.1)));
          v.assign(tf.add(tf.mul(v, 0.95), tf.mul(tf.square(gradient), 0.05)));
          parameter.assign(tf.sub(parameter, tf.mul(rate, tf.div(tf.div(m, c1), tf.add(tf.sqrt(tf.div(v, c2)), 1e-8)))));
        }
        return { loss: value };
      });
    const before = tf.memory();
    const graph = trace(step, {
      inputs: {
        ids: { shape: [B, S], dtype: 'int32' },
        targets: { shape: [B, S], dtype: 'int32' },
        weights: { shape: [B * S], dtype: 'float32' },
        rate: { shape: [], dtype: 'float32' },
      },
      variables,
    });
    expect(tf.memory()).toEqual(before);
    expect(tf.getBackend()).toBe('cpu');
    expect(graph.updates.map((update) => update.variable)).toEqual(Object.keys(variables));
    expect(toOnnx(graph).length).toBeGreaterThan(1000);

    const ways = [
      { graph, contrib: false },
      { graph: optimize(graph), contrib: false },
      { graph: optimize(graph), contrib: true },
    ];
    expect(ways[1]!.graph.nodes.length).toBeLessThan(graph.nodes.length);
    const models = await Promise.all(ways.map((way) => session(way.graph, { contrib: way.contrib }, 'adam-step')));
    const initial: Record<string, HostTensor> = Object.fromEntries(
      Object.entries(variables).map(([name, variable]) => [name, host(variable)]),
    );
    const states = ways.map(() => initial);
    for (let k = 0; k < 5; k++) {
      const feeds = tidy(() => ({
        ids: host(
          tf.tensor2d(
            Array.from({ length: B * S }, (_, i) => (i * 7 + k * 11) % V),
            [B, S],
            'int32',
          ),
        ),
        targets: host(
          tf.tensor2d(
            Array.from({ length: B * S }, (_, i) => (i * 5 + k) % V),
            [B, S],
            'int32',
          ),
        ),
        weights: host(tf.tensor1d(Array.from({ length: B * S }, (_, i) => (i % 3 ? 0 : 0.1)))),
        rate: host(tf.scalar(0.01)),
      }));
      const expected = tidy(() =>
        host(
          step(Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, tensor(value)])) as Parameters<typeof step>[0]).loss!,
        ),
      );
      for (const [i, compiled] of models.entries()) {
        const results = await run(compiled, { ...feeds, ...states[i]! });
        // Both sum in float32 in another order; five steps of Adam amplify that by its 1/√v.
        expect(deviation(results.loss!, expected), `way ${i}, step ${k}`).toBeLessThan(1e-5);
        states[i] = Object.fromEntries(Object.keys(variables).map((name) => [name, results[updateName(name)]!]));
      }
    }
    for (const state of states)
      for (const name of Object.keys(parameters)) expect(deviation(state[name]!, host(parameters[name]!)), name).toBeLessThan(2e-4);
  });

  it('adds repeated rows without a race on two threads', async () => {
    const [n, width, rows] = [20000, 16, 8];
    const graph = trace(({ x, ids }) => tf.unsortedSegmentSum(x!, ids as tf.Tensor1D, rows), {
      inputs: { x: { shape: [n, width], dtype: 'float32' }, ids: { shape: [n], dtype: 'int32' } },
    });
    const model = await session(graph, {}, 'rows', 2);
    const x: HostTensor = { shape: [n, width], dtype: 'float32', data: new Float32Array(n * width).fill(1) };
    const ids: HostTensor = { shape: [n], dtype: 'int32', data: Int32Array.from({ length: n }, (_, i) => i % rows) };
    for (let i = 0; i < 5; i++) expect(new Set((await run(model, { x, ids })).output!.data)).toEqual(new Set([n / rows]));
  });
});
