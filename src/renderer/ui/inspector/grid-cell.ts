/** One cell of a CellGrid. */
export interface GridCell {
  readonly text: string;
  /** For the tooltip and screen readers. */
  readonly label: string;
  /** CSS of the ground and of the text; the panel's own where absent. */
  readonly background?: string;
  readonly colour?: string;
  /** Lanes differ here. */
  readonly marked?: boolean;
}
