/** `README.md` of a repro folder. */
import { printableJson } from '../../shared/base/printable';
import { effectText } from '../../shared/divergence/effect-text';
import type { Dims } from '../../shared/graph/graph';
import { shapeOfNe } from '../../shared/trace/safetensors';
import type { ReproDocument, ReproNode } from './repro-document';
import { escapeMarkdown, markdownBlock, markdownCode, markdownCodeCell } from '../reports/escape-markdown';
import { PREFIX, REPRO_FILES } from './repro-document';

export function reproReadme(doc: ReproDocument): string {
  const end = doc.nodes[doc.nodes.length - 1] as ReproNode;
  return [
    ...whatIsWrong(doc, end),
    ...howToReplay(doc),
    ...whatLiesHere(doc),
    ...layout(doc, end),
    ...howToLoad(doc, end),
    '',
  ].join('\n');
}

function whatIsWrong(doc: ReproDocument, end: ReproNode): string[] {
  const { bad } = doc;
  const { worst, cause } = bad;
  const where = doc.step === 0 ? 'the prompt' : `decode step ${doc.step}`;
  return [
    `# ${escapeMarkdown(doc.node)} is wrong`,
    '',
    `${markdownCode(doc.candidate)} gives another ${markdownCode(doc.node)} (${escapeMarkdown(end.op)}) than is right, on these very inputs: ` +
      `${escapeMarkdown(doc.model)}, ${where}, tokens ${doc.tokens.join(',')}.`,
    '',
    '| | |',
    '|---|---|',
    `| error | ${bad.localNmse.toExponential(2)} NMSE |`,
    `| noise floor | ${doc.noiseFloor.toExponential(2)} NMSE between correct ways; bad above ${doc.margin} × |`,
    `| worst element | [${worst.index.join(', ')}]: ${worst.candidate} where ${worst.reference} is right |`,
    ...(bad.tensor === null ? [] : [`| weight | ${markdownCodeCell(bad.tensor)} |`]),
    ...(bad.stretch.length > 0 ? [`| not dumped, computed here | ${escapeMarkdown(bad.stretch.join(', '))} |`] : []),
    ...(bad.effect ? [`| this node alone | ${escapeMarkdown(effectText(bad.effect))} |`] : []),
    `| cause | ${cause ? escapeMarkdown(cause.title) : 'not proved'} |`,
    ...(cause
      ? [
          `| explains | ${(cause.explained * 100).toFixed(2)} % of the error, at ${escapeMarkdown(cause.nodes.join(', '))} |`,
          ...Object.entries(cause.parameters).map(
            ([name, value]) => `| ${escapeMarkdown(name)} | ${escapeMarkdown(String(value))} |`,
          ),
        ]
      : []),
    '',
    ...(cause
      ? [escapeMarkdown(cause.explanation), '', `**Where to look.** ${escapeMarkdown(cause.whereToLook)}`, '']
      : []),
  ];
}

function howToReplay(doc: ReproDocument): string[] {
  return [
    '## Replay',
    '',
    '```',
    'quarrel replay .                          # the right result, and the wrong one once more',
    'quarrel replay . --candidate webgpu@DIR   # other kernels on the same inputs',
    '```',
    '',
    `The first ${replayedBy(doc)}. Exit code 1: the error is there; 0: the candidate is right; 2: the folder is damaged.`,
    '',
  ];
}

function replayedBy({ replay, candidate }: ReproDocument): string {
  if (replay.kernels) {
    const own = hasShaders(candidate) ? ` with the kernels in \`${REPRO_FILES.shaders}/\`: mend them there` : '';
    return `runs the part on ${replay.kernels}${own}`;
  }
  return replay.hypothesis
    ? 'makes the wrong result again from the proved cause'
    : 'shows the wrong result as it was dumped: no cause was proved that could make it again';
}

function whatLiesHere(doc: ReproDocument): string[] {
  const { tensors, weights, document, shaders } = REPRO_FILES;
  return [
    '## Files',
    '',
    `- \`${document}\`: nodes with op, parameters, shapes and strides; verdict and cause; what each file holds.`,
    `- \`${tensors}\`: \`${PREFIX.input}*\` what the part reads, \`${PREFIX.state}*\` caches before it (zeros where ` +
      `absent), \`${PREFIX.expected}*\` right results (exact arithmetic), \`${PREFIX.wrong}*\` the candidate's.`,
    ...(doc.files[weights] ? [`- \`${weights}\`: the weights that it reads, their bytes as in the model.`] : []),
    ...(hasShaders(doc.candidate) ? [`- \`${shaders}/\`: the kernels that were under test.`] : []),
    '',
    '| it reads | from | type | ne |',
    '|---|---|---|---|',
    ...doc.inputs.map(
      ({ key, file, type, ne }) =>
        `| ${markdownCodeCell(key)} | ${escapeMarkdown(file)} | ${escapeMarkdown(type)} | ${ne.join(', ')} |`,
    ),
    '',
    '| it computes | op | of | parameters |',
    '|---|---|---|---|',
    ...doc.nodes.map(
      (n) =>
        `| ${markdownCodeCell(n.key)} | ${escapeMarkdown(n.op)} | ${sourcesText(n)} | ${escapeMarkdown(parameterText(n))} |`,
    ),
    '',
  ];
}

function sourcesText({ sources }: ReproNode): string {
  return sources.flatMap((s) => (s === null ? [] : [markdownCodeCell(s.key)])).join(', ');
}

function parameterText({ params }: ReproNode): string {
  return Object.entries(params)
    .map(([name, value]) => `${name} ${typeof value === 'object' ? value.join('/') : value}`)
    .join(', ');
}

function layout(doc: ReproDocument, end: ReproNode): string[] {
  return [
    `**Layout**, as ggml has it: ne[0] is fastest. ${markdownCode(doc.node)} of ne [${end.ne.join(', ')}] is a row-major array of ` +
      `shape [${shapeOf(end).join(', ')}]. A source that is a view looks at the memory of another tensor: ` +
      `\`${REPRO_FILES.document}\` gives its byte strides \`nb\` and its offset there. MUL_MAT(A, B) is ` +
      'C[m][n] = Σₖ A[n][k] · B[m][k]: a row of the weight A for each channel n, a row of B for each token m.',
    '',
  ];
}

function howToLoad(doc: ReproDocument, end: ReproNode): string[] {
  const { tensors, weights } = REPRO_FILES;
  const from = doc.files[weights] ? `t["${PREFIX.input}…"] and ${weights}` : `t["${PREFIX.input}…"]`;
  return [
    '## In a test of your own',
    '',
    ...markdownBlock('python', [
      'from safetensors.numpy import load_file',
      `t = load_file("${tensors}")`,
      `expected = t[${quoted(PREFIX.expected + doc.node)}]  # float32, shape ${JSON.stringify(shapeOf(end))}`,
      `got = my_engine(...)  # from ${from}`,
      `assert ((got - expected) ** 2).sum() / (expected ** 2).sum() <= ${doc.margin} * ${doc.noiseFloor.toExponential(2)}`,
    ]),
    '',
    ...markdownBlock('cpp', [
      '// safetensors: u64 length of a JSON header, the header, the data. data_offsets count from the end of the header.',
      `std::ifstream f("${tensors}", std::ios::binary);`,
      'uint64_t n; f.read((char *)&n, 8);',
      'std::string header(n, 0); f.read(header.data(), n);',
      `auto at = nlohmann::json::parse(header)[${quoted(PREFIX.expected + doc.node)}]["data_offsets"];`,
      'std::vector<float> expected(((size_t)at[1] - (size_t)at[0]) / 4);',
      'f.seekg(8 + n + (size_t)at[0]); f.read((char *)expected.data(), expected.size() * 4);',
    ]),
  ];
}

/** A name as a literal of Python and C++. */
function quoted(name: string): string {
  return printableJson(JSON.stringify(name));
}

function shapeOf(node: ReproNode): readonly number[] {
  const [a = 1, b = 1, c = 1, d = 1] = node.ne;
  return shapeOfNe([a, b, c, d] satisfies Dims);
}

function hasShaders(candidate: string): boolean {
  return candidate.startsWith('webgpu@');
}
