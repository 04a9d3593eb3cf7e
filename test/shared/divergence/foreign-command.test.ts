import { describe, expect, it } from 'vitest';

import { commandWords, parseForeignCommand } from '../../../src/shared/divergence/foreign-command';

const RUN = {
  model: '/m/a model.gguf',
  tokens: [1, 17, 5],
  out: '/tmp/o.safetensors',
  checkpoints: ['embd', 'l_out-0'],
};

function words(text: string): readonly string[] {
  return commandWords(parseForeignCommand(text), RUN);
}

describe('the command of a cmd: lane', () => {
  it('splits at blanks outside of quotes and fills in placeholders after that', () => {
    expect(words('engine  {model} --tokens={tokens}\t-o {out} {checkpoints}')).toEqual([
      'engine',
      '/m/a model.gguf',
      '--tokens=1,17,5',
      '-o',
      '/tmp/o.safetensors',
      'embd,l_out-0',
    ]);
  });

  it('keeps quoted words together, with the quotes of the other kind inside', () => {
    expect(words(`"C:\\my engine\\run.exe" 'say "hi"' "a \\"b\\" c" '' pre"fix"ed {out}`)).toEqual([
      'C:\\my engine\\run.exe',
      'say "hi"',
      'a "b" c',
      '',
      'prefixed',
      '/tmp/o.safetensors',
    ]);
  });

  it('takes a command that is quoted as a whole', () => {
    expect(words('"engine {model} {out}"')).toEqual(['engine', '/m/a model.gguf', '/tmp/o.safetensors']);
    expect(words(`'"my engine" {out}'`)).toEqual(['my engine', '/tmp/o.safetensors']);
  });

  it('leaves alone what is no placeholder', () => {
    expect(words('engine {"a":1} {0} {out}')).toEqual(['engine', '{a:1}', '{0}', '/tmp/o.safetensors']);
  });

  it('knows whether the program can be asked for nodes', () => {
    expect(parseForeignCommand('e {out}').takesCheckpoints).toBe(false);
    expect(parseForeignCommand('e {out} --only={checkpoints}').takesCheckpoints).toBe(true);
  });
});
