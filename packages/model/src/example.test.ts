import { readFileSync } from 'node:fs';
import { tf } from './tf.js';
import { expect, test } from 'vitest';
import './fixture.test.util.js';
import * as model from './index.js';

test('the example of the README runs and starts at the loss of a uniform guess', () => {
  const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```ts\n([\s\S]*?)```/.exec(text)![1]!;
  const names = /import \{ (.*) \} from '@mdiff\/model'/.exec(code)![1]!;
  const body = code.replace(/^import .*$/gm, '').replace(' as const', '');
  tf.tidy(() => {
    const run = new Function('tf', 'model', `const { ${names} } = model; ${body}; return { loss, grads, table };`) as (
      ...given: unknown[]
    ) => {
      loss: tf.Tensor;
      grads: Record<string, tf.Tensor>;
      table: model.ParamLayout;
    };
    const { loss, grads, table } = run(tf, model);
    expect(Object.keys(grads)).toEqual(table.params.map(({ name }) => `grad.${name}`));
    expect(Math.abs(loss.dataSync()[0]! - Math.log(30))).toBeLessThan(0.5); // small weights: nearly uniform over all but [MASK]
  });
});
