/** The report's style sheet: light, dark where the reader's system is, no fonts or files from elsewhere. */
export const style: string = `
:root { color-scheme: light dark; --paper: #fdfdfb; --card: #ffffff; --ink: #1d1f21; --soft: #62676d; --line: #dcdcd6; --bar: #3b6ea5; --mark: #b3541e; --plus: #3b6ea5; --minus: #c0562a; --hide: #e4e1d8;
  --g0: #4477aa; --g1: #d1495b; --g2: #228833; --g3: #b8860b; --g4: #2a9db5; --g5: #aa3377; --g6: #e07b39; --g7: #6a5acd; --other: #9a9a9a; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181b; --card: #1e2125; --ink: #e4e4e0; --soft: #9ba1a8; --line: #363b41; --bar: #6ea3da; --mark: #e8925c; --plus: #5b93cf; --minus: #d9774a; --hide: #3a3f46;
  --g0: #7aa6d8; --g1: #f07f8c; --g2: #5fbf70; --g3: #d9b23c; --g4: #66cbe0; --g5: #d977b5; --g6: #f0a060; --g7: #a79bf0; --other: #777d84; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 1040px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 1.3rem; margin: 48px 0 8px; padding-top: 16px; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 0 0 6px; }
p { margin: 6px 0; max-width: 75ch; }
.soft, figcaption { color: var(--soft); font-size: 0.88rem; }
.notice { border-left: 3px solid var(--mark); padding: 4px 12px; margin: 12px 0; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); gap: 6px 12px; margin: 14px 0; padding: 0; }
.facts dt { color: var(--soft); font-size: 0.82rem; }
.facts dd { margin: 0; font-size: 1.05rem; font-variant-numeric: tabular-nums; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); gap: 16px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(340px, 100%), 1fr)); gap: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; margin: 16px 0; min-width: 0; }
.cards .card, .pair .card { margin: 0; }
figure { margin: 10px 0; min-width: 0; }
.wide { overflow-x: auto; }
.chart { display: block; width: 100%; height: auto; }
.bar { fill: var(--bar); } .faint { fill-opacity: 0.25; }
.axis { stroke: var(--soft); } .grid { stroke: var(--line); } .mark { stroke: var(--mark); stroke-dasharray: 3 3; }
.tick { fill: var(--soft); font-size: 11px; } .name { fill: var(--ink); font-size: 12px; } .figure { fill: var(--ink); font-size: 11px; }
.curve { fill: none; stroke: var(--bar); stroke-width: 2; stroke-linejoin: round; }
.plus { fill: var(--plus); } .minus { fill: var(--minus); }
.dot { fill-opacity: 0.55; }
.middle { fill: var(--ink); font-size: 18px; font-weight: 700; paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
.g0 { --hue: var(--g0); } .g1 { --hue: var(--g1); } .g2 { --hue: var(--g2); } .g3 { --hue: var(--g3); } .g4 { --hue: var(--g4); } .g5 { --hue: var(--g5); } .g6 { --hue: var(--g6); } .g7 { --hue: var(--g7); } .other { --hue: var(--other); }
.dot, .band { fill: var(--hue); }
.key { display: inline-block; width: 0.8em; height: 0.8em; border-radius: 50%; background: var(--hue); margin-right: 6px; }
.example { margin: 12px 0; padding: 0; font-family: Georgia, serif; line-height: 1.6; white-space: pre-line; }
.example + .soft { margin-top: -8px; }
.hidden { background: var(--hide); border-radius: 4px; padding: 0 2px; color: var(--soft); box-decoration-break: clone; -webkit-box-decoration-break: clone; }
ol.sentences { margin: 6px 0; padding: 0; list-style: none; font-family: Georgia, serif; }
ol.sentences li { display: flex; gap: 12px; padding: 4px 0; border-top: 1px solid var(--line); }
ol.sentences li:first-child { border-top: 0; }
ol.sentences .value { flex: none; width: 3.2em; color: var(--soft); font: 0.82rem/1.8 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
th, td { text-align: left; padding: 4px 18px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; }
.label { fill: var(--soft); font-size: 13px; }
.own { --hue: var(--bar); }
.line { fill: none; stroke: var(--hue); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.dashed { stroke-dasharray: 5 5; }
.point { fill: var(--hue); }
.stretch { fill: var(--hue); fill-opacity: 0.07; }
.plots { grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr)); gap: 16px 28px; }
.legend span { margin-right: 10px; white-space: nowrap; }
.samples { grid-template-columns: repeat(auto-fill, minmax(min(420px, 100%), 1fr)); }
.arms td:not(:first-child), .arms th { white-space: nowrap; } .arms td:first-child { min-width: 14em; }
.values th { white-space: nowrap; }
.values td { min-width: 12em; overflow-wrap: anywhere; }
@media (max-width: 560px) { .values th, .values td { display: block; padding-right: 0; } .values th { border-bottom: 0; padding-bottom: 0; } }
progress { width: 100%; height: 6px; accent-color: var(--bar); }
details { margin: 14px 0; } summary { cursor: pointer; color: var(--soft); }
`;
