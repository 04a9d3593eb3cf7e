import type { ReplayReport } from '../../repro/replay-repro';
import { error, number, table } from './table';

/** A replayed repro as a person reads it in a terminal. */
export function replayText(r: ReplayReport): string {
  const { index, expected, dumped, replayed } = r.worst;
  const rows = [
    ['right', number(expected), '', ''],
    ['wrong, as dumped', number(dumped), error(r.nmse.dumped), ''],
    ...(replayed === null || r.nmse.replayed === null || r.apart === null
      ? []
      : [['replayed', number(replayed), error(r.nmse.replayed), error(r.apart)]]),
  ];
  return [
    headline(r),
    '',
    table(['', `[${index.join(', ')}]`, 'NMSE to right', 'NMSE to dumped'], rows, new Set([1, 2, 3])),
    '',
    `replayed by  ${replayedBy(r)}`,
    `noise floor  ${error(r.noiseFloor)}; bad above ${r.margin} ×`,
    `reference    gives the expected result${r.rightNmse === 0 ? ', bit for bit' : `, ${error(r.rightNmse)} NMSE apart`}`,
  ].join('\n');
}

function headline(r: ReplayReport): string {
  const what = `${r.node} (${r.op}) of ${r.by?.kind === 'lane' ? r.by.name : r.candidate}`;
  if (!r.wrong) return `RIGHT  ${what}: ${r.why}`;
  return r.by ? `WRONG  ${what}: ${r.why}` : `NOT REPLAYED  ${what}: as it was dumped, ${r.why}`;
}

function replayedBy({ by }: ReplayReport): string {
  if (!by) return 'nothing: the folder holds no kernels, and no cause was proved that could make the result again';
  return by.kind === 'lane' ? by.name : `the proved cause: ${by.name}`;
}
