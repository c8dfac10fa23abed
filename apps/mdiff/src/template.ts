/** The file that `mdiff config init` writes. It loads without a warning and shows what to change first. */
export const template = (schema: string): string => `# yaml-language-server: $schema=${schema}
# An mdiff configuration. Every key is optional; \`mdiff config explain KEY\` says what one does and where its value comes from.

# quickstart trains 1100 steps, book 5000 steps of a larger model; training.max_minutes sets a time instead. You may also name a file (./base.yaml).
extends: quickstart

# The run is written to outputs/<experiment_name>/.
experiment_name: my-first-run
seed: 42

data:
  # A text file, a folder, or builtin:moby-dick.
  source: builtin:moby-dick

# training:
#   max_steps: 1100         # exact number of optimiser steps
#   learning_rate: 0.0015   # peak rate
#   batch_size: 16          # rows per step

# model:
#   d_model: 256            # width; a multiple of n_heads
#   n_layers: 4
#   max_seq_len: 128        # longest text in tokens

# generation:
#   temperature: 0.8        # lower keeps to likely tokens, higher varies more
#   top_p: 0.95             # keep the likeliest tokens that have this share together
`;
