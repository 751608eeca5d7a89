/**
 * The same text with memory of its own. A piece of a head keeps all of that head alive (V8 makes a slice, not a copy), up to 64 KiB;
 * whoever keeps a piece for longer than its exchange keeps a copy. `text` is latin1, as heads are.
 */
export function ownText(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
