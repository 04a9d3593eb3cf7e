/** What CheckpointTable shows per lane: its error against the reference, or statistics of its own values. */
export type CheckpointColumns = 'errors' | 'statistics';
