// The order in which Vitest runs the test files. In a new clone it knows only their size, so that a short file with long tests may come last and run alone.
import { BaseSequencer } from 'vitest/node';

/** The projects whose tests train, or start processes and wait for them. */
const first = ['integration', 'trainer', 'generator', 'train', 'engine', 'provision', 'prepare'];

const rank = ({ project }) => (first.indexOf(project.name) + first.length + 1) % (first.length + 1);

export default class Sequence extends BaseSequencer {
  async sort(files) {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
