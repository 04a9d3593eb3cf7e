import koffi from 'koffi';

import { endAbruptly } from '../ended-abruptly';

/**
 * Ends the process with this exit code, whatever still runs in it. `process.exit` waits for threads: for ever, where one
 * hangs in a file system that is gone; and it aborts where one runs native code.
 */
export function endNow(code: number): never {
  endAbruptly();
  try {
    if (process.platform === 'win32') {
      const kernel32 = koffi.load('kernel32.dll');
      const current = kernel32.func('uintptr_t __stdcall GetCurrentProcess()') as () => number | bigint;
      const terminate = kernel32.func('int __stdcall TerminateProcess(uintptr_t, uint32_t)');
      terminate(current(), code);
    }
    koffi.load(null).func('void _exit(int)')(code);
  } catch {
    // No file may be opened any more, so the library is not there.
  }
  process.kill(process.pid, 'SIGKILL');
  process.exit(code);
}
