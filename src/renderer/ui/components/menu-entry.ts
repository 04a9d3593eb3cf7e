/** A line of a PopoverMenu. */
export interface MenuEntry {
  readonly id: string;
  readonly title: string;
  readonly hint: string;
  /** Shown, but not to be chosen; the hint says why. */
  readonly disabled?: boolean;
}
