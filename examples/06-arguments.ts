// Arguments: what a JavaScript caller gets wrong is said in one line, with the names of the function and of the argument.
import { mustBe, mustKnow } from '@mdiff/arguments';

interface Options {
  width?: number;
}

function frame(text: string, options: Options = {}): string {
  mustBe('frame', 'text', text, 'string');
  mustKnow('frame', options, { width: true });
  return `[${text.padEnd(options.width ?? 0)}]`;
}

console.log(frame('whale', { width: 8 }));
for (const call of [() => frame(null as never), () => frame('whale', { widht: 8 } as Options)]) {
  try {
    call();
  } catch (error) {
    console.log((error as Error).message);
  }
}

// Prints:
// [whale   ]
// frame: text: expected a string, got null
// frame: no option is called "widht"; it takes width
