// A JavaScript caller has no compiler that says what a function takes. Each exported function is called with nothing, with null and with a number; it
// works, or it says in its own words what it expected. An error of the engine ("Cannot read properties of null") names neither function nor argument.
import { expect, test } from 'vitest';
import { ProjectConfig, loadProject, modelConfig, projectConfig, trainingConfig } from '@mdiff/config';
import { samplingOptions } from '@mdiff/diffusion';
import { loadModel } from '@mdiff/generate';
import { loadSource, trainBpe } from '@mdiff/text/node';
import { toOnnx, trace } from '@mdiff/trace';

/** The entries that people write programs with. The rest serve the commands, whose tests cover wrong input. */
const entries = {
  '@mdiff/config': await import('@mdiff/config'),
  '@mdiff/curriculum': await import('@mdiff/curriculum'),
  '@mdiff/curriculum/scores': await import('@mdiff/curriculum/scores'),
  '@mdiff/diffusion': await import('@mdiff/diffusion'),
  '@mdiff/folder': await import('@mdiff/folder'),
  '@mdiff/folder/node': await import('@mdiff/folder/node'),
  '@mdiff/generate': await import('@mdiff/generate'),
  '@mdiff/generate/browser': await import('@mdiff/generate/browser'),
  '@mdiff/model': await import('@mdiff/model'),
  '@mdiff/report': await import('@mdiff/report'),
  '@mdiff/text': await import('@mdiff/text'),
  '@mdiff/text/node': await import('@mdiff/text/node'),
  '@mdiff/text/sentences': await import('@mdiff/text/sentences'),
  '@mdiff/text/statistics': await import('@mdiff/text/statistics'),
  '@mdiff/trace': await import('@mdiff/trace'),
  '@mdiff/workers': await import('@mdiff/workers'),
  '@mdiff/workers/browser': await import('@mdiff/workers/browser'),
};

/** They take no data from a caller: they begin to serve messages, word errors, or are pieces of TensorFlow.js functions, whose inputs are tensors. */
const PIECES = new Set(
  'serveWorker serveWebWorker openPool closing describeFault diskError html addFlat entropies frame hidden hiddenAt logits loss'.split(' '),
);

const ofEngine =
  /Cannot (read|destructure|convert|use|mix)|is not (a function|iterable|a constructor)|Invalid (array|typed array)|not an Object/;

async function outcome(call: () => unknown): Promise<string> {
  try {
    await call();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

test.each(Object.entries(entries))('each function of %s says what it expects', async (_, entry) => {
  const functions = Object.entries<unknown>(entry).filter(
    ([name, value]) => typeof value === 'function' && !/^[A-Z]/.test(name) && !PIECES.has(name),
  );
  expect(functions.length).toBeGreaterThan(0);
  const mute: string[] = [];
  for (const [name, call] of functions)
    for (const given of [[], [null], [5]]) {
      const message = await outcome(() => (call as (...values: unknown[]) => unknown)(...given));
      if (ofEngine.test(message)) mute.push(`${name}(${given.map(String).join()}): ${message}`);
    }
  expect(mute).toEqual([]);
});

test.each([
  ['projectConfig(null)', () => projectConfig(null as never), 'code (values): expected a map, got null'],
  ['projectConfig(5)', () => projectConfig(5 as never), 'code (values): expected a map, got 5'],
  [
    'projectConfig({ modle })',
    () => projectConfig({ modle: {} } as never),
    /^code modle: expected a known key, got .*; did you mean "?model"?\?$/,
  ],
  ['modelConfig(null)', () => modelConfig(null as never), 'code model: expected a map, got null'],
  ['trainingConfig("quick")', () => trainingConfig('quick' as never), 'code training: expected a map, got "quick"'],
  ['ProjectConfig.parse(null)', () => ProjectConfig.parse(null as never), 'ProjectConfig.parse: text: expected a string, got null'],
  [
    'ProjectConfig.fromYaml()',
    () => ProjectConfig.fromYaml(undefined as never),
    'ProjectConfig.fromYaml: path: expected a string, got undefined',
  ],
  ['ProjectConfig.preset(5)', () => ProjectConfig.preset(5 as never), 'ProjectConfig.preset: name: expected a string, got 5'],
  [
    'loadProject({ presset })',
    () => loadProject({ presset: 'book' } as never),
    /^loadProject: no option is called "presset"; it takes base, checksMemory, cwd, .*preset/,
  ],
  [
    'samplingOptions({ topk })',
    () => samplingOptions({ topk: 5 } as never),
    /^samplingOptions: no option is called "topk"; it takes .*topK/,
  ],
  [
    'loadModel(folder, { thread })',
    () => loadModel('model', { thread: 2 } as never),
    /^loadModel: no option is called "thread"; it takes cache, precision, threads, verify$/,
  ],
  [
    'loadSource(text, { directory })',
    () => loadSource('a.txt', { directory: '.' } as never),
    /^loadSource: no option is called "directory"/,
  ],
  [
    'trainBpe(texts, { vocab })',
    () => trainBpe(['a'], { vocab: 300 } as never),
    /^trainBpe: no option is called "vocab"; it takes signal, vocabSize$/,
  ],
  ['trace(fn, { input })', () => trace(() => ({}) as never, { input: {} } as never), /^trace: no option is called "input"/],
  ['toOnnx(graph, { opsets })', () => toOnnx({} as never, { opsets: 20 } as never), /^toOnnx: no option is called "opsets"/],
])('%s is refused in one line', async (_, call, message) => {
  const line = await outcome(call);
  expect(line).not.toContain('\n');
  if (typeof message === 'string') expect(line).toBe(message);
  else expect(line).toMatch(message);
});
