import { MAX_FINDINGS } from './limits';

export type FindingSeverity = 'error' | 'warning';

/** What is wrong with a model file that could still be read. */
export type FindingCode =
  | 'bad-alignment'
  | 'big-endian'
  | 'duplicate-key'
  | 'duplicate-tensor'
  | 'empty-key'
  | 'empty-tensor'
  | 'invalid-utf8'
  | 'joined-shards'
  | 'long-name'
  | 'long-string'
  | 'more-findings'
  | 'nested-array'
  | 'not-contiguous'
  | 'outside-file'
  | 'overflow'
  | 'overlap'
  | 'partial-block'
  | 'split-mismatch'
  | 'trailing-bytes'
  | 'unaligned-offset'
  | 'unknown-type'
  | 'zeros';

export interface Finding {
  /** `error`: data are unreadable or wrong, or llama.cpp refuses the file. */
  readonly severity: FindingSeverity;
  readonly code: FindingCode;
  /** What was found and what was expected. */
  readonly message: string;
  /** Byte in the file (of shard `shard`) that shows it. */
  readonly offset: number;
  readonly tensor?: string;
  /** Index of the shard; 0 in a model of one file. */
  readonly shard: number;
}

/** Collects findings of one file; past MAX_FINDINGS it only counts. */
export class Findings {
  private readonly kept: Finding[] = [];
  private dropped = 0;

  constructor(private readonly shard: number) {}

  add(severity: FindingSeverity, code: FindingCode, offset: number, message: string, tensor?: string): void {
    if (this.kept.length >= MAX_FINDINGS) {
      this.dropped++;
      return;
    }
    const { shard } = this;
    this.kept.push({ severity, code, message, offset, shard, ...(tensor === undefined ? {} : { tensor }) });
  }

  all(): readonly Finding[] {
    if (this.dropped === 0) return this.kept;
    const message = `${this.dropped} more findings are not listed`;
    return [...this.kept, { severity: 'error', code: 'more-findings', message, offset: 0, shard: this.shard }];
  }
}
