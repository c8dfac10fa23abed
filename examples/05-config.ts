// Configuration: every setting has a type, a default and a meaning; a mistake is one line that says what was expected.
import { ConfigError, ProjectConfig, projectConfig } from '@mdiff/config';

const quick = ProjectConfig.preset('quickstart');
console.log(
  `quickstart: ${quick.model.n_layers} layers of width ${quick.model.d_model}, ${(quick.model.param_count_exact / 1e6).toFixed(2)} million parameters`,
);

const wide = projectConfig({ model: { d_model: 256, n_heads: 4 } });
console.log(`width 256 and everything else at its default: ${(wide.model.param_count_exact / 1e6).toFixed(2)} million parameters`);

try {
  projectConfig({ model: { d_model: 250, n_heads: 4 } });
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  for (const issue of error.issues) console.log(`${issue.code} ${issue.path}: ${issue.message}`);
}

// Prints:
// quickstart: 7 layers of width 256, 9.74 million parameters
// width 256 and everything else at its default: 34.83 million parameters
// E2 model.d_model: expected a multiple of model.n_heads (4), got 250; see code model.n_heads
