/** ANSI foregrounds that can be told apart on light and on dark: cyan, yellow, green, magenta, blue, and the bright ones. */
const COLOURS = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94]

/** Makes `name | line`, names padded to one width and each in a colour of its own. */
export function prefixer(names: readonly string[], colour: boolean): (name: string, line: string) => string {
  const width = names.reduce((widest, name) => Math.max(widest, name.length), 0)
  return (name, line) => {
    const padded = name.padEnd(width)
    if (!colour) return `${padded} | ${line}`
    // A sidecar's name begins with its program's: both get the same colour.
    const at = Math.max(
      0,
      names.findIndex(known => name.startsWith(known)),
    )
    return `\x1b[${COLOURS[at % COLOURS.length]}m${padded} |\x1b[0m ${line}`
  }
}
