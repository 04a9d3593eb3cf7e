/** Documents of files nest a few levels; deeper ones are made to exhaust whoever reads them. */
const MAX_DEPTH = 64;

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];

/**
 * What `JSON.parse` lets pass: a key that comes twice in one object, of which it keeps the last in silence, and nesting
 * without end. Undefined where there is neither.
 * @param json valid JSON
 */
export function faultOf(json: string): string | undefined {
  /** Keys of the open objects; undefined for lists. */
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < json.length; i++) {
    switch (json.charCodeAt(i)) {
      case 0x7b: // {
        open.push(new Set());
        break;
      case 0x5b: // [
        open.push(undefined);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        break;
      case QUOTE: {
        const end = endOfText(json, i);
        const keys = open.at(-1);
        if (keys && isBeforeColon(json, end)) {
          const key = json.slice(i, end);
          const name = key.includes('\\') ? JSON.stringify(JSON.parse(key)) : key;
          if (keys.has(name)) return `key ${shortened(name)} comes twice, again at character ${i}`;
          keys.add(name);
        }
        i = end - 1;
        break;
      }
    }
    if (open.length > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH} at character ${i}`;
  }
  return undefined;
}

/** Behind the closing quote of the text that begins at `start`. */
function endOfText(json: string, start: number): number {
  let end = json.indexOf('"', start + 1);
  while (isEscaped(json, end)) end = json.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(json: string, at: number): boolean {
  let before = at;
  while (json.charCodeAt(before - 1) === BACKSLASH) before--;
  return (at - before) % 2 === 1;
}

function isBeforeColon(json: string, from: number): boolean {
  let i = from;
  while (json.charCodeAt(i) <= 0x20) i++;
  return json.charCodeAt(i) === COLON;
}

function shortened(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100)}…"` : name;
}
