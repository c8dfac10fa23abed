import type { ChildProcess } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workplace } from './command.test.util.js';
import type { Workplace } from './command.test.util.js';

// The command as its users run it, in a process of its own: interrupted, and given what it cannot use. soak.test.ts kills it.

let place: Workplace;
beforeAll(async () => (place = await workplace()));
afterAll(() => place.remove());

describe('mdiff train', () => {
  let whole: unknown[];
  beforeAll(async () => {
    const { code, err } = await place.mdiff(['train', place.book, ...place.settings('whole')]);
    expect(err).toBe('');
    expect(code).toBe(0);
    whole = await place.losses('whole');
  }, 60_000);

  it('writes one line per logged step, off a terminal plain text', () => {
    expect(whole.length).toBe(60);
  });

  it('saves on Ctrl-C, exits with 130, and goes on', async () => {
    // Far more steps than it will take, so that it cannot end by itself first.
    const long = [...place.settings('stopped'), '--set', 'training.max_steps=20000'];
    const interruptAfter = (step: RegExp) => (child: ChildProcess, out: string) =>
      void (!child.killed && step.test(out) && child.kill('SIGINT')); // a second one would end it at once
    const stopped = await place.mdiff(['train', place.book, ...long], interruptAfter(/step +10\/20000/));
    expect(stopped.code, stopped.err).toBe(130);
    const saved = Number(/saved at step (\d+) of 20000; go on with: .*--resume/.exec(stopped.out)?.[1]);
    expect(saved).toBeGreaterThanOrEqual(10);
    const again = await place.mdiff(['train', place.book, ...long]);
    expect(again.code).toBe(2);
    expect(again.err).toMatch(/--resume.*--fresh/);
    const resumed = await place.mdiff(['train', place.book, ...long, '--resume'], interruptAfter(new RegExp(`step +${saved + 3}/20000`)));
    expect(resumed.code, resumed.err).toBe(130);
    expect(/step +(\d+)\/20000/.exec(resumed.out)?.[1]).toBe(String(saved + 1));
  });

  it('stops the final evaluation on Ctrl-C, and --resume evaluates to the same figures', async () => {
    // Two short steps, then four passes over half of the book in batches of one row: seconds.
    const set = ['training.max_steps=2', 'training.val_split=0.5', 'training.val_batch_size=1'].flatMap((setting) => ['--set', setting]);
    const args = (name: string): string[] => ['train', place.book, ...place.settings(name), ...set];
    const complete = await place.mdiff(args('evaluated'));
    expect(complete.code, complete.err).toBe(0);
    let interrupted = false;
    const stopped = await place.mdiff(args('interrupted'), (child, out) => {
      if (interrupted || !out.includes('step 1/2')) return;
      interrupted = true;
      // By then the second step is done, or it is running and the evaluation does not begin.
      setTimeout(() => child.kill('SIGINT'), 300);
    });
    expect(stopped.code, stopped.err).toBe(130);
    expect(stopped.out).toContain('saved at step 2 of 2; go on with');
    expect(stopped.out).not.toContain('exporting');
    expect(await place.losses('interrupted')).toHaveLength(1);
    const resumed = await place.mdiff([...args('interrupted'), '--resume']);
    expect(resumed.code, resumed.err).toBe(0);
    expect(await place.losses('interrupted')).toEqual(await place.losses('evaluated'));
    const figure = (out: string) => /^finished: .*(held-out NELBO .* bits\/byte)$/m.exec(out)?.[1];
    expect(figure(resumed.out)).toBeDefined();
    expect(figure(resumed.out)).toBe(figure(complete.out));
  });

  it('a run.json that is damaged is one line, exit code 1, and nothing is deleted', async () => {
    const path = join(place.folder, 'outputs', 'whole', 'run.json');
    const record = await readFile(path, 'utf8');
    try {
      await writeFile(path, record.slice(0, 20));
      const { code, err } = await place.mdiff(['train', place.book, ...place.settings('whole'), '--resume']);
      expect(err).toMatch(/^.*run\.json: the record of this run is damaged; nothing was changed; .*--resume .*--fresh .*\n$/);
      expect(code).toBe(1);
    } finally {
      await writeFile(path, record);
    }
    expect(await place.losses('whole')).toEqual(whole);
  });
});

describe('what cannot be used', () => {
  const cases: [string, string | Buffer | undefined, string[], RegExp][] = [
    ['a missing book', undefined, [], /data\.source: expected a readable text, got ".*"; nothing at/],
    ['an empty book', '', [], /data\.source: .*empty/i],
    ['a binary file', Buffer.from([0, 1, 2, 3, 0, 0, 255, 254, 0, 0]), [], /data\.source: .*binary/i],
    [
      'neither UTF-8 nor Windows-1252',
      Buffer.from('A caf\x81 at the sea. '.repeat(50), 'latin1'),
      [],
      /data\.source: .*not UTF-8 .* nor Windows-1252/,
    ],
    ['an unknown key', 'text', ['--set', 'training.batchsize=4'], /training\.batchsize: expected a known key.*batch_size/],
    ['a row longer than positions can be', 'text', ['--set', 'model.max_seq_len=70000'], /model\.max_seq_len: expected an integer/],
  ];
  it.each(cases)('%s: one line, exit code 2, nothing written', async (name, content, args, message) => {
    const path = join(place.folder, `${name.replaceAll(' ', '-')}.txt`);
    if (content !== undefined) await writeFile(path, content);
    const run = `bad-${name.replaceAll(' ', '-')}`;
    const { code, err } = await place.mdiff(['train', path, ...place.settings(run), ...args]);
    expect(err.trim().split('\n').length, err).toBe(1);
    expect(err).toMatch(message);
    expect(code).toBe(2);
    await expect(readFile(join(place.folder, 'outputs', run, 'run.json'))).rejects.toThrow();
  });

  it('a vocabulary larger than the text supports: one warning with the number reached, and the model fits it', async () => {
    const { code, err } = await place.mdiff([
      'train',
      place.book,
      ...place.settings('large'),
      '--set',
      'model.vocab_size=5000',
      '--set',
      'training.max_steps=1',
    ]);
    expect(code).toBe(0);
    const reached = /model\.vocab_size: warning: the tokenizer reached (\d+) of 5000 ids; the model uses \1\n/.exec(err)?.[1];
    expect(JSON.parse(await readFile(join(place.folder, 'outputs/large/model/config.json'), 'utf8'))).toMatchObject({
      vocab_size: Number(reached),
    });
  });

  // Vulkan's loader and the library of TensorFlow are told to find nothing, so that a machine with a GPU says the same.
  it.runIf(process.platform === 'linux').each([
    [
      'webgpu',
      [],
      /got "webgpu"; set device to "auto" or "cpu" \(ONNX Runtime got no WebGPU device: .+; it needs a GPU with a Vulkan driver\)$/,
    ],
    [
      'cuda',
      [],
      /got "cuda"; set device to "auto" or "cpu" \((no NVIDIA driver here \(\/dev\/nvidiactl\)|"mdiff engine install tensorflow --cuda" makes native TensorFlow for it)\)$/,
    ],
    ['cuda', ['--set', 'engine=onnxruntime'], /\(ONNX Runtime comes without CUDA from npm; engine "tfjs_node" has it\)$/],
  ] as const)(
    'device %s where there is none %j: one line that says what is missing, exit code 2, nothing written',
    async (device, more, message) => {
      const nothing = join(place.folder, 'no-driver.json');
      const args = ['train', place.book, ...place.settings(`no-${device}`), '--set', `device=${device}`, ...more];
      const { code, err } = await place.mdiff(args, undefined, {
        VK_ICD_FILENAMES: nothing,
        VK_DRIVER_FILES: nothing,
        MDIFF_TENSORFLOW: '',
      });
      expect(err.trim().split('\n').length, err).toBe(1);
      expect(err.trim()).toMatch(message);
      expect(code).toBe(2);
      await expect(readFile(join(place.folder, 'outputs', `no-${device}`, 'run.json'))).rejects.toThrow();
    },
  );

  it('an engine that is not what it should be: one line that names the folder', async () => {
    const trained = (name: string, folder: string) =>
      place.mdiff(['train', place.book, ...place.settings(name)], undefined, { MDIFF_TENSORFLOW: folder });
    const absent = join(place.folder, 'no/such/folder');
    const nonsense = await trained('nonsense', absent);
    expect(nonsense).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /^MDIFF_TENSORFLOW: expected the folder of a tfjs-node package .*, got "[^"]*no.such.folder"; unset it, .*\n$/,
      ) as string,
    });
    expect(nonsense.err).toContain(`got "${absent}"`);
    await expect(readFile(join(place.folder, 'outputs/nonsense/run.json'))).rejects.toThrow();
    const damaged = join(place.folder, 'damaged');
    await mkdir(join(damaged, 'lib/napi-v8'), { recursive: true });
    await writeFile(join(damaged, 'package.json'), JSON.stringify({ name: '@tensorflow/tfjs-node', version: '4.22.0', main: 'index.js' }));
    await writeFile(join(damaged, 'lib/napi-v8/tfjs_binding.node'), 'cut off');
    await writeFile(join(damaged, 'index.js'), "module.exports = require('./lib/napi-v8/tfjs_binding.node');");
    const broken = await trained('broken', damaged);
    expect(broken.err.trim().split('\n').length, broken.err).toBe(1);
    expect(broken.err).toContain(damaged);
    expect(broken.err).toMatch(/cannot load native TensorFlow from .*: .*; run "mdiff engine install tensorflow --force"/);
    expect(broken.code).toBe(1);
  });
});
