/** One fault of one resource (or a warning about it). Path and message together read as a sentence. */
export interface ResourceProblem {
  /** `HTTPRoute bookshop/canary`, or `document 2` where not even that is known. */
  readonly resource: string
  /** `spec.rules[0].matches[0].path.value`; empty: the resource as a whole. */
  readonly path: string
  readonly message: string
  /** Line of the text that it came from, from 1. */
  readonly line?: number
}

/** A fault whose path is still in parts, so that whoever has the text can find its line. */
export interface Fault {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** `HTTPRoute bookshop/canary, line 12: spec.rules[0].backendRef is unknown: did you mean backendRefs?` */
export function formatProblem(problem: ResourceProblem): string {
  const line = problem.line === undefined ? '' : `, line ${problem.line}`
  const path = problem.path === '' ? '' : `${problem.path} `
  return printable(`${problem.resource}${line}: ${path}${problem.message}`)
}

/** C0 and C1 controls, which a terminal acts upon: what a stranger's file says must not move anybody's cursor. */
const CONTROLS = /\p{Cc}/gu

function printable(text: string): string {
  return text.replace(CONTROLS, '?')
}

/** A field's name may be as long as the text that it comes from; nobody reads further than this. */
const PART_CHARACTERS_MAX = 100

export function formatPath(path: readonly PropertyKey[]): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else text += field(String(part), text === '')
  }
  return text
}

function field(name: string, isFirst: boolean): string {
  const shown = name.length > PART_CHARACTERS_MAX ? `${name.slice(0, PART_CHARACTERS_MAX)}...` : name
  if (!/^[A-Za-z_][\w-]*$/.test(shown)) return `[${JSON.stringify(shown)}]`
  return isFirst ? shown : `.${shown}`
}

export function resourceId(resource: {
  readonly kind: string
  readonly metadata: { readonly namespace: string; readonly name: string }
}): string {
  return `${resource.kind} ${resource.metadata.namespace}/${resource.metadata.name}`
}
