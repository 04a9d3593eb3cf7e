/** What plants and controls need: models, their captured graphs, the wizard. */
import path from 'node:path';
import { silent } from '../../../shared/base/control';
import type { JobControl } from '../../../shared/base/progress';
import type { Verdict } from '../../../shared/divergence/verdict';
import { tokenizePrompt } from '../../capture/token-pieces';
import { PLAIN_ACCESS, WeightView } from '../../files/weight-view';
import type { CapturedStep } from '../../jobs/capture-session';
import { openCapture } from '../../jobs/capture-session';
import { findFirstBad } from '../../jobs/find-first-bad';
import { Owned } from '../../jobs/owned';
import type { Engines } from '../../jobs/produce-trace';
import { RunFolder } from '../../jobs/run-folder';
import type { DumpStyle, EngineOutcome, RunValues } from './engine-run';
import { runEngine } from './engine-run';
import type { BenchModel } from './models';
import { BenchModels } from './models';

export interface OpenModel {
  readonly model: BenchModel;
  readonly weights: WeightView;
  readonly steps: readonly CapturedStep[];
  readonly stepTokens: readonly number[];
}

type CleanEngine = Pick<DumpStyle, 'arithmetic' | 'dtype' | 'precision' | 'rounds'>;

/** One run of the benchmark; its owner disposes it. */
export class BenchRun {
  readonly models: BenchModels;
  private readonly owned = new Owned();
  private readonly folder = this.owned.add(new RunFolder());
  private readonly open = new Map<string, Promise<OpenModel>>();
  private readonly clean = new Map<string, RunValues>();
  private files = 0;

  constructor(
    readonly seed: number,
    private readonly engines: Engines,
    private readonly control: JobControl,
    /** Whether no dump lacks most nodes: those take long. */
    readonly dense: boolean,
  ) {
    this.models = new BenchModels(this.folder.path, seed);
  }

  /** A new path in the run's folder. */
  file(name: string): string {
    return this.folder.file(`${this.files++}-${name}`);
  }

  /** The model's graphs: of its prompt, and of as many decode steps. */
  capture(name: string, steps = 0): Promise<OpenModel> {
    const key = `${name} ${steps}`;
    let opened = this.open.get(key);
    if (!opened) this.open.set(key, (opened = this.captured(this.models.get(name), steps)));
    return opened;
  }

  /** Another model file, on these tokens. */
  captureFile(file: string, tokens: readonly number[]): Promise<OpenModel> {
    return this.captured({ name: path.basename(file), path: file, tokens }, 0);
  }

  tokensOf(file: string, text: string): Promise<readonly number[]> {
    return tokenizePrompt(file, text, this.quiet());
  }

  private async captured(model: BenchModel, count: number): Promise<OpenModel> {
    const stepTokens = model.tokens.slice(1, 1 + count);
    const session = this.owned.add(
      await openCapture(
        {
          modelPath: model.path,
          prompt: { kind: 'tokens', tokens: model.tokens },
          lane: { kind: 'llama', device: 'cpu' },
          folder: this.folder,
          control: this.quiet(),
          moreTokens: count,
        },
        `bench-${this.files++}`,
      ),
    );
    for (const token of stepTokens) await session.advance([token]);
    return { model, weights: WeightView.of(session.model, PLAIN_ACCESS), steps: session.steps, stepTokens };
  }

  /** What an engine computes without a bug. */
  async cleanValues(opened: OpenModel, engine: CleanEngine): Promise<RunValues> {
    const key = `${opened.model.name} ${opened.steps.length} ${engine.arithmetic}`;
    const whole: DumpStyle = { ...engine, keeps: () => false, note: '' };
    // each other rounding is drawn for a model once or never
    if (engine.rounds) return (await this.runClean(opened, whole)).values;
    const known = this.clean.get(key);
    if (known) return known;
    const { values } = await this.runClean(opened, whole);
    this.clean.set(key, values);
    return values;
  }

  private runClean({ model, weights, steps }: OpenModel, style: DumpStyle): Promise<EngineOutcome> {
    const control = this.quiet();
    return runEngine({ model: model.path, weights, steps, mutationOf: () => undefined, style, control });
  }

  /** The wizard's verdict on a candidate. */
  bisect(opened: OpenModel, candidate: string, more: { reference?: string; threads?: number } = {}): Promise<Verdict> {
    const { model, stepTokens } = opened;
    const { reference = 'llama', threads } = more;
    const request = {
      modelPath: model.path,
      prompt: { kind: 'tokens', tokens: model.tokens } as const,
      reference,
      candidate,
      ...(stepTokens.length > 0 ? { steps: stepTokens.length, stepTokens } : {}),
      ...(threads === undefined ? {} : { threads }),
    };
    return findFirstBad(request, this.engines, this.quiet());
  }

  /** The wizard's verdict on a dump of a text, whose tokens are not given. */
  bisectText({ model }: OpenModel, candidate: string, text: string): Promise<Verdict> {
    const prompt = { kind: 'prompt', text } as const;
    return findFirstBad({ modelPath: model.path, prompt, reference: 'llama', candidate }, this.engines, this.quiet());
  }

  /** Stops with the benchmark, and says nothing of its own. */
  quiet(): JobControl {
    return silent(this.control);
  }

  dispose(): Promise<void> {
    return this.owned.dispose();
  }
}
