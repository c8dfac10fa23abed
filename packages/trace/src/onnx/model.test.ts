import { tf } from '../tf.js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CASES, example, TOLERANCE } from '../cases.test.util.js';
import { deviation, session, run, type HostTensor } from '../harness.test.util.js';
import { KERNEL_INPUTS, ONNX, optimize, type Graph } from '../index.js';
import { REWRITTEN } from '../record/kernels.js';
import { SLICES } from '../record/slices.js';

const seen = new Set<string>();

async function compare(
  graph: Graph,
  feeds: Record<string, HostTensor>,
  expected: Record<string, HostTensor>,
  label: string,
  opset: number,
): Promise<void> {
  graph.nodes.forEach((node) => seen.add(node.kernel));
  const results = await run(await session(graph, { opset }, label), feeds);
  for (const [name, value] of Object.entries(expected))
    expect(deviation(results[name]!, value), `${label}, ${name}`).toBeLessThan(TOLERANCE);
}

describe('every kernel equals tfjs-cpu in ONNX Runtime, values and gradients', () => {
  let before: tf.MemoryInfo;
  beforeAll(async () => {
    await tf.setBackend('cpu');
    before = tf.memory();
  });
  afterAll(() => {
    // Neither tracing nor folding may leave a tensor behind.
    expect(tf.memory()).toEqual(before);
  });

  it.each(Object.keys(CASES))('%s', async (label) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 - 1 }), async (seed) => {
        const { graph, feeds, expected } = example(label, seed);
        const opset = 18 + (seed % 6);
        await compare(graph, feeds, expected, label, opset);
        await compare(optimize(graph), feeds, expected, `${label} optimized`, opset);
      }),
      { numRuns: 4, seed: 20261123, includeErrorInReport: true },
    );
  });

  it('has a case for every kernel that can stand in a graph, and a lowering for each', () => {
    const recorded = [...KERNEL_INPUTS.keys()].filter((name) => !REWRITTEN.includes(name)).sort();
    expect([...new Set([...Object.keys(ONNX), ...SLICES.keys()])].sort()).toEqual(recorded);
    expect([...seen].sort()).toEqual(recorded);
  });
});
