import type { Hypothesis } from '../../hypothesis';
import { headShareOf, withHeadOrder } from './head-planes';
import { evaluateAsIs } from './source-values';

/** Models with more heads are tried up to here. */
const MOST_HEADS = 64;

export const HEAD_REPEATED: Hypothesis = {
  id: 'head-repeated',
  title: 'one head gives the result of its neighbour',
  explanation:
    'The attention of one head is that of the head before or after it; all others are right. The index of a head is off ' +
    'for one workgroup, or its result is overwritten.',
  whereToLook:
    'Which workgroup or thread computes which head, the bounds of that loop, and where each head’s result is written.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const share = headShareOf(site);
    if (!share) return;
    const { heads } = share;
    for (let head = 0; head < Math.min(heads, MOST_HEADS); head++) {
      for (const other of [head - 1, head + 1]) {
        if (other < 0 || other >= heads) continue;
        yield {
          label: `head ${head} is that of ${other}`,
          parameters: { head, of: other, right: head },
          predict: (s) => withHeadOrder(s, share, evaluateAsIs(s), (h) => (h === head ? other : h)),
        };
      }
    }
  },
};
