import { mustBe } from '@mdiff/arguments';
import { stackOf } from '../document/record.js';
import { isOwn, type View } from '../document/stack.js';
import { shapeKeys } from '../sections/keys.js';
import type { ModelInput, ProjectConfig } from '../sections/types.js';
import { ConfigError, type Issue } from './issue.js';
import { startup } from './startup.js';
import { shown } from './words.js';

/**
 * The configuration with the shape of a model folder, whose section `model` is `folder`. Values of presets give way. A shorter `max_seq_len` stays, as
 * positions that are not learned have no weights.
 * @throws ConfigError S8 with every key that is set to another shape
 */
export function shapedBy(config: ProjectConfig, folder: Readonly<Record<string, unknown>>): ProjectConfig {
  mustBe('shapedBy', 'config', config, 'object');
  mustBe('shapedBy', 'folder', folder, 'object');
  const view: View = { stack: stackOf(config)!, bad: new Set() };
  const issues: Issue[] = [];
  const shape: Record<string, unknown> = {};
  for (const key of shapeKeys) {
    const word = key.slice('model.'.length) as keyof ProjectConfig['model'];
    const [asked, given] = [config.model[word], folder[word]];
    if (given === undefined) continue;
    // An equal value too, so that rules no longer wait for it.
    if (!isOwn(view, key)) shape[word] = given;
    else if (asked === given) continue;
    else if (word !== 'max_seq_len' || folder['pos_encoding'] === 'learned') issues.push(startup.notTheBase(config, key, shown(given)));
    else if (Number(asked) > Number(given)) issues.push(startup.notTheBase(config, key, `an integer <= ${shown(given)}`));
  }
  if (config.tokenizer.path !== null) issues.push(startup.notTheBase(config, 'tokenizer.path', 'null'));
  if (issues.length > 0) throw new ConfigError(issues);
  return config.with({ model: shape as ModelInput });
}
