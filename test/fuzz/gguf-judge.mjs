/**
 * libggml's own GGUF reader in a process of its own, which it may abort: paths come on stdin, a line each; for each one
 * goes back, `accepted` or `refused`. The library's path is the argument.
 */
import readline from 'node:readline';
import koffi from 'koffi';

const library = koffi.load(process.argv[2]);
koffi.struct('gguf_init_params', { no_alloc: 'bool', ctx: 'void *' });
const init = library.func('void *gguf_init_from_file(const char *path, gguf_init_params params)');
const free = library.func('void gguf_free(void *ctx)');

readline.createInterface({ input: process.stdin }).on('line', (path) => {
  const ctx = init(path, { no_alloc: true, ctx: null });
  if (ctx !== null) free(ctx);
  process.stdout.write(ctx === null ? 'refused\n' : 'accepted\n');
});
