// The style sheet of the report. Text has a contrast of at least 4.5 to its ground in both schemes
// (WCAG 2.1, 1.4.3). Colours: c0, teal, for what is good or delivered; c1, rust, for what it costs
// or gets wrong; c2, slate, for neutral amounts.
#include "fit/report_sections.h"

namespace linnet::report {

const char* const kStyle = R"css(
:root {
  --ground: #f6f7f7; --card: #ffffff; --ink: #1b2226; --soft: #566169; --line: #dfe3e5;
  --c0: #0b6f6c; --c1: #b04a1c; --c2: #5f7d95; --over: #b04a1c12; --good: #e0f0ee; --bad: #f8e6dc;
  --hit: #0b6f6c; --miss: #b04a1c; --strong: #ffffff; --field: #f1f3f3; --grey: #8b979f;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #111517; --card: #191f22; --ink: #e4e9eb; --soft: #9fabb2; --line: #2c353a;
    --c0: #58c4b8; --c1: #ec9467; --c2: #86a5bd; --over: #ec946714; --good: #173c39; --bad: #452818;
    --hit: #2d978d; --miss: #cf7039; --strong: #061110; --field: #20282c; --grey: #77848c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans",
        "Liberation Sans", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 61rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
a { color: var(--c0); }
h1 { font-size: 2.4rem; line-height: 1.15; font-weight: 650; letter-spacing: -.02em;
     margin: .1rem 0 1rem; }
h2 { font-size: 1.3rem; line-height: 1.3; font-weight: 650; letter-spacing: -.01em; margin: 0 0 .8rem; }
h3 { font-size: 1rem; font-weight: 650; margin: 1.6rem 0 .5rem; }
h2 + h3 { margin-top: 0; }
p { margin: .5rem 0; max-width: 46rem; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
            font-size: .875em; }
p code { background: var(--field); border-radius: 4px; padding: .1em .35em; }
small { font-size: .85em; color: var(--soft); }
.kicker { color: var(--soft); font-size: .9rem; letter-spacing: .02em; margin: 0; }
.lead { font-size: 1.1rem; max-width: 50rem; }
.note { color: var(--soft); font-size: .9rem; }
.badge { display: inline-block; vertical-align: .3em; font-size: .9rem; font-weight: 600;
         letter-spacing: 0; padding: .25em .8em; border-radius: 99px; background: var(--field);
         color: var(--soft); white-space: nowrap; }
.badge.good { background: var(--good); color: var(--c0); }
.badge.bad { background: var(--bad); color: var(--c1); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: .75rem;
         margin: 1.4rem 0 1rem; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
        padding: .8rem 1rem .9rem; display: flex; flex-direction: column; }
.tile b { font-size: 1.6rem; font-weight: 650; letter-spacing: -.01em; line-height: 1.3; }
.tile span { font-size: .9rem; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; font-size: .9rem; margin: 1.5rem 0 0; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
          padding: 1.4rem 1.5rem 1.5rem; margin: 1.25rem 0 0; }
pre { background: var(--field); border-radius: 8px; padding: .8rem 1rem; margin: .4rem 0;
      overflow-x: auto; line-height: 1.5; }

table { border-collapse: collapse; width: 100%; font-size: .9rem; line-height: 1.4; }
th, td { text-align: left; padding: .34rem .7rem .34rem 0; border-bottom: 1px solid var(--line);
         vertical-align: middle; }
tbody tr:last-child > * { border-bottom: 0; }
thead > tr > * { color: var(--soft); font-weight: 500; font-size: .82rem; white-space: nowrap;
           vertical-align: bottom; }
tbody th { font-weight: 500; min-width: 5rem; }
.n { text-align: right; white-space: nowrap; }
.s { white-space: nowrap; }
.b { width: 18%; min-width: 5rem; }
.won > * { background: var(--good); font-weight: 600; }
.won th { box-shadow: -.5rem 0 var(--good); }
.out > * { color: var(--soft); }
.facts { width: auto; }
.facts th { color: var(--soft); font-weight: 400; padding-right: 2rem; vertical-align: top; }
.facts td, .file { overflow-wrap: anywhere; }
tbody .file { font-weight: 400; }
.box { overflow-x: auto; margin: .6rem 0; padding-left: .5rem; margin-left: -.5rem; }
.long { max-height: 32rem; overflow-y: auto; }
.long thead th { position: sticky; top: 0; background: var(--card); }
.track { display: block; position: relative; height: .6rem; }
.bar { display: block; height: 100%; border-radius: 2px; min-width: 1px; }
.bar.c0 { background: var(--c0); } .bar.c1 { background: var(--c1); } .bar.c2 { background: var(--c2); }
.out .bar { opacity: .45; }
.mark { position: absolute; top: -.2rem; bottom: -.2rem; width: 2px; margin-left: -1px;
        background: var(--ink); box-shadow: 0 0 0 1px var(--card); }

svg { display: block; width: 100%; height: auto; margin: .4rem 0; overflow: visible; }
svg text { font-size: 12px; fill: var(--ink); }
svg .tick, svg .name, svg .legend, svg .lane-name { fill: var(--soft); }
svg .tick { font-size: 11.5px; }
svg .heading { font-size: 13.5px; font-weight: 600; }
.grid { stroke: var(--line); fill: none; }
.axis { stroke: var(--grey); fill: none; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(16.5rem, 1fr)); gap: 1.2rem; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.line.c0 { stroke: var(--c0); } .line.c1 { stroke: var(--c1); } .line.c2 { stroke: var(--c2); }
.dot.c0 { fill: var(--c0); } .dot.c1 { fill: var(--c1); } .dot.c2 { fill: var(--c2); }
.narrow { display: none; }
.over { fill: var(--over); }
.budget { stroke: var(--c1); stroke-width: 1.5; stroke-dasharray: 5 4; fill: none; }
svg .budget-name { fill: var(--c1); font-weight: 600; }
.lane { stroke: var(--line); fill: none; }
.best { stroke: var(--c0); stroke-opacity: .4; stroke-width: 1.5; fill: none; }
.error { stroke: var(--grey); stroke-width: 1; fill: none; }
.pt { stroke-width: 1.5; stroke: var(--card); }
.pt.winner { fill: var(--c0); }
.ring { fill: none; stroke: var(--c0); stroke-width: 2; }
.pt.finalist { fill: var(--c0); fill-opacity: .6; }
.pt.left { fill: var(--grey); }
.pt.slow, .pt.large { fill: var(--card); stroke: var(--c1); }
.pt.long { fill: var(--card); stroke: var(--c2); }
.pt.untried { fill: var(--card); stroke: var(--grey); }
svg .pt-name { fill: var(--soft); font-size: 11.5px; }
svg .pt-name.won { fill: var(--ink); font-size: 13.5px; font-weight: 650; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: .85rem; color: var(--soft);
       max-width: none; }
.k { display: inline-block; width: .75em; height: .75em; border-radius: 50%; margin-right: .4em;
     border: 1.5px solid transparent; vertical-align: -.03em; }
.k.winner { background: var(--c0); outline: 1.5px solid var(--c0); outline-offset: 1.5px; }
.k.finalist { background: var(--c0); opacity: .6; } .k.left { background: var(--grey); }
.k.slow, .k.large { border-color: var(--c1); } .k.large { border-radius: 0; }
.k.long { border-color: var(--c2); } .k.untried { border-color: var(--grey); }

.matrix svg { width: 100%; max-width: var(--w); min-width: min(var(--w), 34rem); }
.field { fill: var(--field); }
.hit { fill: var(--hit); } .miss { fill: var(--miss); }
svg .cell { font-size: 12.5px; pointer-events: none; }
svg .cell.strong { fill: var(--strong); font-weight: 600; }
svg .edge.small { font-size: 10.5px; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.6rem, 1fr)); gap: 1rem; }
figure { margin: 0; break-inside: avoid; }
figure img, .blank { display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: contain;
                     background: var(--field); border-radius: 6px; }
.blank { color: var(--soft); font-size: .8rem; display: grid; place-items: center; }
.tiny { image-rendering: pixelated; }
figcaption { font-size: .85rem; line-height: 1.35; margin-top: .35rem; overflow-wrap: anywhere; }
figcaption b { display: block; font-weight: 600; }
.said { color: var(--c1); }

@media (max-width: 42rem) {
  main { padding: 1.5rem .8rem 3rem; }
  h1 { font-size: 1.9rem; }
  section { padding: 1.1rem 1rem 1.2rem; }
  .w { display: none; }
  .wide { display: none; }
  .narrow { display: block; }
  .b { min-width: 3rem; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tile { padding: .6rem .8rem .7rem; }
  .tile b { font-size: 1.35rem; }
  .facts th { padding-right: 1rem; }
  .figures { grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr)); gap: .8rem; }
}
@media print {
  :root { --ground: #ffffff; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  section { border: 0; padding: 0; margin-top: 1.5rem; }
  h2, h3 { break-after: avoid; }
  svg, tr, figure, pre, .tile { break-inside: avoid; }
  .long { max-height: none; }
  .box { overflow: visible; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
}
)css";

}  // namespace linnet::report
