/** Which form of a function an engine computes where correct ones differ: told from all nodes that it shows in. */
import type { GeluForm } from '../graph/gelu-forms';
import type { JudgedNode } from './examine';

/** A form must come this much nearer than another before it is told apart from it. */
const CLEARLY = 4;

/** What each node that shows a function is off by, in the graph's own form and in another. */
export interface FormErrors {
  readonly form: GeluForm;
  /** By key of the node; the same nodes for all forms. */
  readonly errors: ReadonlyMap<string, number>;
}

export interface FormChoice {
  /** The form of all nodes; that of the graph where nothing speaks for another. */
  readonly form: GeluForm;
  /** Nodes that have another form than the rest, with it: an engine that mixes forms has no convention. */
  readonly odd: ReadonlyMap<string, GeluForm>;
}

/** @param own the graph's form */
export function chooseForm(own: FormErrors, others: readonly FormErrors[]): FormChoice {
  const clearly = (a: FormErrors, b: FormErrors): readonly string[] =>
    [...a.errors].flatMap(([key, error]) => (error * CLEARLY < (b.errors.get(key) ?? 0) ? [key] : []));
  const odd = new Map<string, GeluForm>();
  let best = own;
  for (const other of others) {
    const fors = clearly(other, own);
    if (fors.length === 0) continue;
    if (clearly(own, other).length > 0) for (const key of fors) odd.set(key, other.form);
    else if (best === own || clearly(other, best).length > 0) best = other;
  }
  return best === own ? { form: own.form, odd } : { form: best.form, odd: new Map() };
}

/** The local errors of the nodes that show others: those themselves, or the ends of the stretches that they lie in. */
export function errorsOf(form: GeluForm, shown: ReadonlySet<number>, judged: readonly JudgedNode[]): FormErrors {
  const ends = judged.filter(({ node, stretch }) => [node, ...stretch].some((t) => shown.has(t.id)));
  return { form, errors: new Map(ends.map(({ node, judgement }) => [node.key, judgement.localNmse])) };
}
