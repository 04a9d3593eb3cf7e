/** Plants one bug and asks the wizard. */
import fs from 'node:fs';
import path from 'node:path';
import { QuarrelError } from '../../../shared/base/errors';
import type { Verdict } from '../../../shared/divergence/verdict';
import { tensorOf } from '../../../shared/graph/graph';
import type { Graph } from '../../../shared/graph/graph';
import { defined } from '../../../shared/base/assert';
import { shadersDir } from '../../entry-path';
import type { BenchRun, OpenModel } from './bench-run';
import { acceptedCauses, acceptedRoundings } from './causes';
import { drawStyle, plainStyle } from './dump-style';
import { ENGINES } from './engine-kinds';
import type { DumpStyle, PlantedEffect } from './engine-run';
import { runEngine } from './engine-run';
import type { InputPlant } from './input-plant';
import type { EnginePlant, KernelEdits, KernelPlant, Planted } from './plant';
import { siteOf } from './plant';
import type { Plant } from './plants';
import { Random } from './random';
import type { PlantResult, Score, Truth } from './score';
import { countsOf, failed, score } from './score';

/** Least NMSE at the planted node: what is less may lie within what correct engines differ by. */
const LEAST_EFFECT = { strong: 1e-3, weak: 1e-8 };
/**
 * And least multiples of what the engine's own rounding makes of that node, and of all that it has made of the first
 * dumped node behind it: below them nothing tells the two apart.
 */
const ABOVE_ROUNDING = { node: 10, shown: 2 };
/** Draws of parameters until one has an effect. */
const DRAWS = 12;

/** @returns undefined where the model has no place for the bug */
export async function runPlant(
  run: BenchRun,
  plant: Plant,
  modelName: string,
  instance: number,
): Promise<PlantResult | undefined> {
  const random = Random.named(run.seed, `${plant.name} ${modelName} ${instance}`);
  if (plant.kind === 'engine') return runEnginePlant(run, plant, modelName, random);
  if (plant.kind === 'kernel') return runKernelPlant(run, plant, modelName, random);
  return runInputPlant(run, plant, modelName, random);
}

interface Drawn {
  readonly planted: Planted;
  readonly style: DumpStyle;
  readonly effect: PlantedEffect;
  readonly out: string;
}

async function runEnginePlant(
  run: BenchRun,
  plant: EnginePlant,
  modelName: string,
  random: Random,
): Promise<PlantResult | undefined> {
  const opened = await run.capture(modelName, plant.steps);
  const drawn = await draw(run, plant, opened, random);
  if (!drawn) return undefined;
  const { planted, style, effect, out } = drawn;
  const step = planted.step ?? 0;
  const begin = performance.now();
  const { graph } = defined(opened.steps[step], `step ${step}`);
  const nodes = wrongNodes(graph, planted, style);
  const roundings = acceptedRoundings(plant.name);
  const rounding = roundings ? { roundings } : {};
  const truth = { nodes, step, causes: acceptedCauses(plant.name), all: [...planted.mutations.keys()], ...rounding };
  const scored = await scoreOf(run.bisect(opened, `trace:${out}`), truth, graph);
  fs.rmSync(out);
  return {
    ...facts(plant, modelName, truth.causes),
    ...scored,
    note: planted.note,
    style: style.note,
    precision: style.precision,
    effect: effect.nmse,
    planted: effect.key,
    seconds: (performance.now() - begin) / 1000,
  };
}

/** The mutated nodes up to the first that is dumped. */
function wrongNodes(graph: Graph, { mutations, without = [] }: Planted, { keeps }: DumpStyle): string[] {
  const wrong = graph.order.map((id) => tensorOf(graph, id)).filter((t) => mutations.has(t.key));
  const end = wrong.findIndex((t) => keeps(t) && !without.includes(t.key));
  return wrong.slice(0, end < 0 ? wrong.length : end + 1).map((t) => t.key);
}

/** A wizard that fails has missed the bug. */
async function scoreOf(verdict: Promise<Verdict>, truth: Truth, graph: Graph): Promise<Score> {
  try {
    return score(await verdict, truth, graph);
  } catch (error) {
    if (!(error instanceof QuarrelError)) throw error;
    return failed(error.message);
  }
}

/** Draws until the bug shows at its own node. Throws QuarrelError where it never does. */
async function draw(run: BenchRun, plant: EnginePlant, opened: OpenModel, random: Random): Promise<Drawn | undefined> {
  const { graph } = defined(opened.steps[plant.steps === undefined ? 0 : 1], 'a step');
  const least = plant.weak ? LEAST_EFFECT.weak : LEAST_EFFECT.strong;
  let most = 0;
  for (let i = 0; i < DRAWS; i++) {
    const planted = plant.plant(siteOf(graph, opened.weights, random));
    if (!planted) return undefined;
    const style = plant.weak ? plainStyle(graph) : drawStyle(random, graph, run.dense);
    const out = run.file(`${plant.name}.safetensors`);
    const effect = await write(run, opened, planted, style, out);
    if (effect && isAbove(effect, least, plant.weak ?? false)) return { planted, style, effect, out };
    fs.rmSync(out);
    most = Math.max(most, effect?.shown ?? 0);
  }
  throw new QuarrelError(`no draw of ${DRAWS} has an effect above ${most}`);
}

function isAbove({ nmse, rounding, shown, shownRounding }: PlantedEffect, least: number, weak: boolean): boolean {
  if (nmse < least || shown < least) return false;
  return weak || (nmse >= ABOVE_ROUNDING.node * rounding && shown >= ABOVE_ROUNDING.shown * shownRounding);
}

async function write(
  run: BenchRun,
  opened: OpenModel,
  planted: Planted,
  style: DumpStyle,
  out: string,
): Promise<PlantedEffect | undefined> {
  const { model, weights, steps } = opened;
  const absent = new Set(planted.without);
  const { effect } = await runEngine({
    model: model.path,
    weights,
    steps,
    mutationOf: (node, step) => (step >= (planted.step ?? 0) ? planted.mutations.get(node.key) : undefined),
    style: { ...style, keeps: (node) => style.keeps(node) && !absent.has(node.key) },
    out,
    control: run.quiet(),
    clean: await run.cleanValues(opened, style),
    precise: await run.cleanValues(opened, ENGINES.f32),
  });
  return effect;
}

async function runKernelPlant(
  run: BenchRun,
  plant: KernelPlant,
  modelName: string,
  random: Random,
): Promise<PlantResult | undefined> {
  const opened = await run.capture(modelName);
  const { graph } = defined(opened.steps[0], 'the prompt');
  const edits = plant.edits(siteOf(graph, opened.weights, random));
  if (!edits) return undefined;
  const folder = run.file(`${plant.name}.overlay`);
  writeOverlay(edits, folder);
  const begin = performance.now();
  const truth = { nodes: [edits.first], step: 0, causes: acceptedCauses(plant.name) };
  const scored = await scoreOf(run.bisect(opened, `webgpu@${folder}`), truth, graph);
  return {
    ...facts(plant, modelName, truth.causes),
    ...scored,
    note: edits.note,
    style: 'webgpu',
    precision: 'f32',
    effect: null,
    planted: edits.first,
    seconds: (performance.now() - begin) / 1000,
  };
}

async function runInputPlant(run: BenchRun, plant: InputPlant, model: string, random: Random): Promise<PlantResult> {
  const begin = performance.now();
  const { verdict, hit, note, planted } = await plant.plant(run, random, model);
  const { firstBad, cause } = verdict;
  const accepted = acceptedCauses(plant.name);
  const wrong = verdict.preflight.filter((rung) => rung.state === 'different').map((rung) => rung.id);
  return {
    ...facts(plant, model, accepted),
    nodeHit: hit,
    // What the weights or types of a file are is not proved by replay: naming them is all.
    causeHit: hit && (accepted.length === 0 || (cause !== null && accepted.includes(cause.id))),
    falseBlame: firstBad !== null,
    found: firstBad?.node ?? (wrong.length > 0 ? `preflight: ${wrong.join(', ')}` : verdict.verdict),
    cause: cause?.id ?? null,
    explained: cause?.explained ?? null,
    note,
    style: 'input',
    precision: 'f32',
    causeWrong: cause !== null && !accepted.includes(cause.id),
    alsoBlamed: [],
    effectKnown: firstBad !== null && firstBad.effect !== null,
    counts: countsOf(verdict),
    effect: null,
    planted,
    seconds: (performance.now() - begin) / 1000,
  };
}

/** Throws QuarrelError where a snippet is not in the shipped shader exactly once. */
function writeOverlay({ files }: KernelEdits, folder: string): void {
  for (const { file, replace } of files) {
    let text = fs.readFileSync(path.join(shadersDir(), file), 'utf8');
    for (const [from, to] of replace) {
      const found = text.split(from).length - 1;
      if (found !== 1)
        throw new QuarrelError(`shaders/${file} has ${JSON.stringify(from)} ${found} times; once is expected`);
      text = text.replace(from, () => to);
    }
    const out = path.join(folder, file);
    fs.mkdirSync(path.dirname(out), { recursive: true });
    fs.writeFileSync(out, text);
  }
}

function facts(
  { name, row, title, kind }: Plant,
  model: string,
  accepted: readonly string[],
): Pick<PlantResult, 'name' | 'row' | 'title' | 'kind' | 'model' | 'accepted'> {
  return { name, row, title, kind, model, accepted };
}
