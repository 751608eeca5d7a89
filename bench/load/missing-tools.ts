import { type Case, PLANS } from '../plan.ts'
import { findCommand } from '../workspace.ts'

/** Debian's packages of the programs that make load and answer it. */
const PACKAGES = {
  wrk: 'wrk',
  h2load: 'nghttp2-client',
  nghttpd: 'nghttp2-server',
  nginx: 'nginx-light',
  haproxy: 'haproxy',
} as const
type Tool = keyof typeof PACKAGES

/** One sentence that says which programs these cases want and don't find, and how to get them; undefined when all are there. */
export function missingTools(cases: readonly Case[], find = findCommand): string | undefined {
  const missing = [...new Set(cases.flatMap(toolsOf))].filter(tool => find(tool) === undefined)
  if (missing.length === 0) return undefined
  const packages = missing.map(tool => PACKAGES[tool]).join(' ')
  return `Cannot measure ${cases.join(', ')}: ${missing.join(', ')} not found, which make load and answer it. Install: apt-get install ${packages}`
}

function toolsOf(one: Case): Tool[] {
  const { topology, measures } = PLANS[one]
  const loads = measures.map(({ load }): Tool => (load.kind === 'closed' ? 'wrk' : 'h2load'))
  return [
    'nginx',
    ...loads,
    ...(topology === 'h2c-hop' ? (['nghttpd'] as const) : []),
    ...(topology === 'inbound' ? (['haproxy'] as const) : []),
  ]
}
