import { createHash } from 'node:crypto';
import fs from 'node:fs';

import { openRegular } from '../files/open-regular';

const WINDOW_BYTES = 4 << 20;

/** SHA-256 of a file in hexadecimal, read in windows. */
export function sha256Of(file: string): string {
  const hash = createHash('sha256');
  const window = new Uint8Array(WINDOW_BYTES);
  const { fd } = openRegular(file);
  try {
    for (let got = fs.readSync(fd, window); got > 0; got = fs.readSync(fd, window)) {
      hash.update(window.subarray(0, got));
    }
  } finally {
    fs.closeSync(fd);
  }
  return hash.digest('hex');
}
