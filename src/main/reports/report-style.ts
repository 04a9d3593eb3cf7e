/** The page's style sheet. Nothing in it is loaded from elsewhere. */
export const REPORT_STYLE = `
:root { --bg: #fff; --text: #1b1f24; --soft: #57606a; --line: #d0d7de; --raised: #f6f8fa;
  --bad: #c4314b; --good: #1a7f37; --doubt: #8a6100; --noise: #6e7781; --inherited: #0969da;
  --rounded: #5b2fb0; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #14171c; --text: #e4e8ee; --soft: #9aa4b2; --line: #343b46; --raised: #1c2128;
    --bad: #ff7b8e; --good: #4cc26b; --doubt: #e0b14a; --noise: #8b949e; --inherited: #58a6ff;
    --rounded: #9370ff; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text); font: 15px/1.55 system-ui, sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 24px; line-height: 1.3; overflow-wrap: anywhere; }
h2 { margin: 32px 0 8px; font-size: 17px; }
.state { padding: 2px 8px; border: 1px solid currentcolor; border-radius: 6px; font-size: 14px; vertical-align: 3px; }
.state.diverged { color: var(--bad); } .state.clean { color: var(--good); } .state.incomparable { color: var(--doubt); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; }
th, td { padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 500; }
td { font-variant-numeric: tabular-nums; }
.right { text-align: right; }
figure { margin: 16px 0; padding: 12px; border: 1px solid var(--line); border-radius: 8px; background: var(--raised); }
figcaption { margin-top: 6px; color: var(--soft); font-size: 13px; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .noise { fill: none; stroke: var(--noise); stroke-width: 1.5; }
svg .margin { fill: none; stroke: var(--doubt); stroke-width: 1.5; stroke-dasharray: 5 4; }
svg .inherited { fill: none; stroke: var(--inherited); stroke-width: 1; opacity: .7; }
svg .rounded { fill: var(--rounded); fill-opacity: .3; stroke: var(--rounded); stroke-width: 1.5; }
svg .local { fill: var(--text); } svg .bad { fill: var(--bad); } svg .hot { fill: var(--bad); }
svg .frame { fill: none; stroke: var(--line); }
summary { margin: 8px 0; color: var(--soft); cursor: pointer; }
@media print { main { max-width: none; } figure { break-inside: avoid; } }
`;
