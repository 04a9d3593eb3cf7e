/** A file system that does not answer, as a network file system whose server is gone: Ctrl-C is heard all the same. */
import fs from 'node:fs';

import koffi from 'koffi';
import { expect, it } from 'vitest';

import { tinyModelPath } from '../helpers/shared-files';
import { wait, World } from './fault-run';

const MNT_DETACH = 2;

/** Mounts a FUSE file system whose daemon never answers; undefined where that is not allowed. */
function deadMount(folder: string): (() => void) | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !fs.existsSync('/dev/fuse')) return undefined;
  const libc = koffi.load(null);
  const mount = libc.func('int mount(const char *, const char *, const char *, unsigned long, const char *)');
  const unmount = libc.func('int umount2(const char *, int)');
  let fd: number;
  try {
    fd = fs.openSync('/dev/fuse', 'r+');
  } catch {
    return undefined;
  }
  const end = (): void => {
    unmount(folder, MNT_DETACH);
    fs.closeSync(fd);
  };
  if (mount('dead', folder, 'fuse', 0, `fd=${fd},rootmode=40000,user_id=0,group_id=0`) === 0) return end;
  fs.closeSync(fd);
  return undefined;
}

it('is waited for where signals are heard', async (context) => {
  const world = new World();
  const folder = world.folder('dead');
  const end = deadMount(folder);
  try {
    if (!end) return context.skip('FUSE needs root and /dev/fuse');
    const model = tinyModelPath();
    const runs = [
      world.start(['inspect', `${folder}/m.gguf`]),
      world.start(['trace', model, '--tokens', '1', '--out', `${folder}/t.safetensors`]),
      world.start(['suite', `${folder}/s.json`]),
      world.start(['bisect', model, '--candidate', `trace:${folder}/d.safetensors`]),
    ];
    await wait(2500);
    for (const run of runs) {
      expect(run.child.exitCode).toBeNull();
      run.send('SIGINT');
    }
    for (const run of runs) {
      const { code, afterSignalMs } = await run.end;
      expect(code).toBe(130);
      expect(afterSignalMs).toBeLessThan(4000);
    }
    expect(world.left()).toEqual([]);
  } finally {
    end?.();
    world.dispose();
  }
});
