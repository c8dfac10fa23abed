import { projectConfig } from '@mdiff/config';
import type { TrainingInput } from '@mdiff/config';
import { storeOf } from '@mdiff/curriculum';
import { describe, expect, it } from 'vitest';
import { stagesOf } from './stages.js';

const causalSteps = (training: TrainingInput, steps = 10): number[] => {
  const config = projectConfig({
    model: { shift_head: true },
    curriculum: { stages: [{ name: 'a', epochs: 1, masking_rate_range: [0.1, 1], data_selection: 'all', format_type: 'paragraphs' }] },
    training: { max_steps: steps, ...training },
  });
  const { isCausal } = stagesOf(config, { unitsPerStage: [storeOf([])], rowsPerStage: [1] });
  return Array.from({ length: steps }, (_, step) => step).filter(isCausal);
};

describe('the steps of next-token prediction', () => {
  it('come first by default', () => {
    expect(causalSteps({ causal_fraction: 0.33 })).toEqual([0, 1, 2]);
    expect(causalSteps({})).toEqual([]);
  });

  it('are spread evenly with throughout: step k if ⌊(k+1)f⌋ > ⌊kf⌋', () => {
    expect(causalSteps({ causal_fraction: 0.5, causal_order: 'throughout' })).toEqual([1, 3, 5, 7, 9]);
    expect(causalSteps({ causal_fraction: 0.3, causal_order: 'throughout' })).toEqual([3, 6, 9]);
    expect(causalSteps({ causal_fraction: 0.9, causal_order: 'throughout' })).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    // 0.1 · 10 is below 1 in binary only if summed; the term guards the product too.
    expect(causalSteps({ causal_fraction: 0.1, causal_order: 'throughout' }, 100)).toHaveLength(10);
  });

  it('depend on the step alone, so a longer plan keeps them', () => {
    const share = { causal_fraction: 0.37, causal_order: 'throughout' } as const;
    expect(causalSteps(share, 300).filter((step) => step < 100)).toEqual(causalSteps(share, 100));
  });
});
