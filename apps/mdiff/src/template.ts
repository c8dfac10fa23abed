/** The file that `mdiff config init` writes. It loads without a warning and shows what to change first. */
export const template = (schema: string): string => `# yaml-language-server: $schema=${schema}
# $schema: ${schema}
# An mdiff configuration. Every key is optional; \`mdiff config explain KEY\` says what one does and where its value comes from.

# quickstart fine-tunes the base model for four minutes, book at half the rate for up to half an hour; quickstart_scratch and book_scratch start from random weights.
# You may also name a file (./base.yaml).
extends: quickstart

# The run is written to outputs/<experiment_name>/.
experiment_name: my-first-run
seed: 42

data:
  # A text file, a folder, or builtin:moby-dick.
  source: builtin:moby-dick

# training:
#   max_minutes: 4          # as many steps as fit, by a measurement on this machine
#   learning_rate: 0.001    # peak rate
#   batch_size: 8           # rows per step

# model:
#   init_from: null         # random weights instead of the base model; its shape is then yours to choose:
#   d_model: 256            # width; a multiple of n_heads
#   n_layers: 4
#   max_seq_len: 256        # longest text in tokens

# generation:
#   temperature: 0.8        # lower keeps to likely tokens, higher varies more
#   top_p: 0.95             # keep the likeliest tokens that have this share together
`;
