// Reports: charts are inline SVG, and `html` escapes what is not markup, so a page is one file that loads nothing.
import { histogram, html } from '@mdiff/report';

const words = 'Call me Ishmael . Some years ago , never mind how long precisely'.split(' ').map((word) => word.length);
const page = html`<h1>${'Letters & words'}</h1>
  ${histogram(words, { label: 'letters in a word' })}`.text;
console.log(page.split('\n')[0]);
console.log(page.includes('<svg'), page.includes('letters in a word'), /(src|href)="http/.test(page));

// Prints:
// <h1>Letters &amp; words</h1>
// true true false
