import { QuarrelError } from '../../shared/base/errors';

/** Throws QuarrelError for an address: files are opened, and nothing is ever fetched. */
export function requireLocal(path: string): void {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) {
    throw new QuarrelError(`${path}: URLs are not opened; download the file and give its path`);
  }
}
