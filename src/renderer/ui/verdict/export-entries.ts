import type { Verdict } from '../../../shared/divergence/verdict';
import type { VerdictExport } from '../../../shared/ipc/jobs';
import type { MenuEntry } from '../components/menu-entry';

export type ExportEntry = MenuEntry & { readonly id: VerdictExport };

/** What a verdict can be saved as. */
export function exportEntries({ firstBad }: Pick<Verdict, 'firstBad'>): readonly ExportEntry[] {
  return [
    {
      id: 'repro',
      title: 'Repro…',
      hint: firstBad
        ? 'A folder to replay: inputs, weights, right and wrong results'
        : 'No node is bad: there is nothing to replay',
      disabled: firstBad === null,
    },
    { id: 'html', title: 'Report, HTML…', hint: 'One page that needs nothing else, with the plots' },
    { id: 'markdown', title: 'Report, Markdown…', hint: 'For an issue or a pull request' },
    { id: 'json', title: 'Verdict, JSON…', hint: 'Everything, for programs' },
    { id: 'perfetto', title: 'Times for Perfetto…', hint: 'A Chrome trace: how long each node of each lane took' },
  ];
}
