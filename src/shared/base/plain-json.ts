/** JSON of a report. JSON has no NaN or Infinity: they become strings, so that nothing is lost. */
export function plainJson(document: unknown, indent = 2): string {
  return JSON.stringify(
    document,
    (_key, value: unknown) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value),
    indent,
  );
}
