// What `mdiff compare` trains: each arm is the same configuration with one part of the curriculum left out.
import { ProjectConfig } from '@mdiff/config';
import { arms } from '@mdiff/train';

const config = ProjectConfig.preset('quickstart');
for (const [name, { about, changes }] of Object.entries(arms).slice(0, 4)) {
  const { curriculum } = config.with(changes(config));
  console.log(`${name}: ${about} (${curriculum.stages.map(({ data_selection }) => data_selection).join(', ')})`);
}

// Prints:
// full: masks of 75-90, 40-60, 10-30 % on easy, medium, all paragraphs (easy, medium, all)
// no-difficulty: the same masks on all paragraphs (all, all, all)
// no-masks: masks of 10-90 % on easy, medium, all paragraphs (easy, medium, all)
// reversed: the stages of the full curriculum in reverse (all, medium, easy)
