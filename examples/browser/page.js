// Fills the gaps of a text in the visitor's browser. The model folder lies beside the page, as `model/`; nothing leaves the machine.
import { infill, loadModel, parseGaps } from '@mdiff/generate/browser';

const [text, button, said] = ['text', 'fill', 'said'].map((id) => globalThis.document.getElementById(id));
const say = (words) => void (said.textContent = words);

async function fill(model) {
  button.disabled = true;
  try {
    const { texts } = await infill(model, parseGaps(text.value), { onStep: ({ step }) => say(`step ${step}`) });
    text.value = texts[0].text;
    say('done');
  } catch (error) {
    say(error.message);
  }
  button.disabled = false;
}

try {
  const model = await loadModel('./model/', {
    onProgress: (loaded, total) => say(`loading the model: ${Math.round((100 * loaded) / total)} %`),
  });
  button.addEventListener('click', () => fill(model));
  button.disabled = false;
  say(`ready, on ${model.runtime.device}`);
} catch (error) {
  say(error.message);
}
