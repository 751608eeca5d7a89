import type { Edge } from '../rest/answers.ts'
import { sortEdges } from './edges.ts'
import { milliseconds, percent, perSecond } from './numbers.ts'

/** The graph as trees of callers and callees; each root is somebody whom nobody calls. A service that was drawn already is named, not drawn again. */
export function graphLines(edges: readonly Edge[]): string[] {
  if (edges.length === 0) return ['No traffic in this time.']
  const callees = Map.groupBy(sortEdges(edges), edge => edge.source)
  const called = new Set(edges.map(edge => edge.destination))
  const drawn = new Set<string>()
  const lines: string[] = []
  const draw = (name: string, indent: string): void => {
    drawn.add(name)
    const own = callees.get(name) ?? []
    own.forEach((edge, i) => {
      const last = i === own.length - 1
      const again = drawn.has(edge.destination) && callees.has(edge.destination)
      lines.push(`${indent}${last ? '└─' : '├─'} ${edge.destination}  ${edgeText(edge)}${again ? '  (see above)' : ''}`)
      if (!again) draw(edge.destination, `${indent}${last ? '   ' : '│  '}`)
    })
  }
  const roots = [...callees.keys()].filter(name => !called.has(name))
  // Where everybody is called by somebody (a cycle), what is still missing becomes a root in its turn.
  for (const name of [...roots, ...callees.keys()]) {
    if (drawn.has(name)) continue
    lines.push(name)
    draw(name, '')
  }
  return lines
}

function edgeText(edge: Edge): string {
  const mtls = edge.mtlsRate >= 1 ? 'mTLS' : `mTLS ${percent(edge.mtlsRate)}`
  return `${perSecond(edge.requestsPerSecond)}/s, ${percent(edge.successRate)} ok, p99 ${milliseconds(edge.p99Ms)}, ${mtls}`
}

/** The graph for Graphviz: `selvedge graph -o dot | dot -Tsvg`. */
export function graphDot(edges: readonly Edge[]): string[] {
  return [
    'digraph selvedge {',
    '  rankdir=LR',
    '  node [shape=box, style=rounded]',
    ...sortEdges(edges).map(edge => {
      const failing = edge.successRate < 1 ? ', color=red' : ''
      return `  ${quoted(edge.source)} -> ${quoted(edge.destination)} [label=${quoted(edgeText(edge))}${failing}]`
    }),
    '}',
  ]
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
