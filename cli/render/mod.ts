/**
 * What the CLI shows: tables, graphs and waterfalls as lines of text.
 * Invariants: pure; what comes in is an answer of the control plane, what goes out are lines without line ends.
 */
export { edgeTableLines } from './edges.ts'
export { graphDot, graphLines } from './graph.ts'
export { age, count, milliseconds, percent } from './numbers.ts'
export { labelsText, resourceTableLines } from './resources.ts'
export { type Column, fitLines, plainLine, tableLines } from './table.ts'
export { unifiedDiff } from './unified-diff.ts'
export { waterfallLines } from './waterfall.ts'
