/**
 * A foreign engine for tests: serves checkpoints out of a prepared dump. Plain Node, knows nothing of Quarrel.
 * serve-dump.mjs DUMP TOKENS OUT [CHECKPOINTS] [COUNTER]: a line is added to COUNTER per run.
 */
import fs from 'node:fs';

const [dump, tokens, out, wanted = '', counter] = process.argv.slice(2);
const file = fs.readFileSync(dump);
const length = Number(file.readBigUInt64LE(0));
const { __metadata__: metadata, ...entries } = JSON.parse(file.subarray(8, 8 + length).toString());
const data = file.subarray(8 + length);
const keys = wanted === '' ? Object.keys(entries) : wanted.split(',').filter((key) => key in entries);
const header = { __metadata__: { tokens: JSON.stringify(tokens.split(',').map(Number)), engine: metadata.engine } };
const parts = [];
let at = 0;
for (const key of keys) {
  const {
    dtype,
    shape,
    data_offsets: [begin, end],
  } = entries[key];
  header[key] = { dtype, shape, data_offsets: [at, at + end - begin] };
  parts.push(data.subarray(begin, end));
  at += end - begin;
}
const json = Buffer.from(JSON.stringify(header));
const prefix = Buffer.alloc(8);
prefix.writeBigUInt64LE(BigInt(json.length));
fs.writeFileSync(out, Buffer.concat([prefix, json, ...parts]));
if (counter !== undefined) fs.appendFileSync(counter, `${keys.length}\n`);
