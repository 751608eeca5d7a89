import { parseSync, Visitor } from 'oxc-parser'

/** One import, export-from or dynamic import. */
export interface ImportFact {
  /** As written, for example `../common/mod.ts`; undefined when a dynamic import computes it. */
  readonly specifier: string | undefined
  /** The names it takes; `*` for a namespace, `export *` or a dynamic import; empty for a bare `import 'x'`. */
  readonly names: readonly string[]
  readonly line: number
}

/** A use of something that isn't a function of its arguments. */
export interface UseFact {
  readonly kind: 'environment' | 'clock-or-chance'
  /** As a reader would write it: `Date.now`, `process.env`. */
  readonly name: string
  readonly line: number
}

/** What the import law needs to know of one file. */
export interface SourceFile {
  /** From the project's root, with forward slashes. */
  readonly path: string
  readonly lines: number
  readonly imports: readonly ImportFact[]
  readonly uses: readonly UseFact[]
  /** Syntax errors, in the parser's words. */
  readonly errors: readonly string[]
}

const CLOCK_AND_CHANCE = new Set(['Date.now', 'Math.random', 'performance.now', 'process.hrtime', 'crypto.randomUUID'])
const TIMERS = new Set(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch'])

/** Reads the facts out of a file's text: nothing is resolved and nothing judged here. */
export function readSource(path: string, text: string): SourceFile {
  const lineOf = lineIndex(text)
  const parsed = parseSync(path, text)
  return {
    path,
    lines: text.endsWith('\n') ? lineOf(text.length) - 1 : lineOf(text.length),
    imports: importsOf(parsed, text, lineOf),
    uses: usesOf(parsed, lineOf),
    errors: parsed.errors.map(error => error.message),
  }
}

type Parsed = ReturnType<typeof parseSync>
type LineOf = (offset: number) => number

function importsOf(parsed: Parsed, text: string, lineOf: LineOf): ImportFact[] {
  const facts: ImportFact[] = []
  for (const one of parsed.module.staticImports) {
    const names = one.entries.map(
      entry => entry.importName.name ?? (entry.importName.kind === 'Default' ? 'default' : '*'),
    )
    facts.push({ specifier: one.moduleRequest.value, names, line: lineOf(one.start) })
  }
  for (const one of parsed.module.staticExports) {
    const from = one.entries.find(entry => entry.moduleRequest !== null)?.moduleRequest
    if (from === undefined || from === null) continue
    facts.push({
      specifier: from.value,
      names: one.entries.map(entry => entry.importName.name ?? '*'),
      line: lineOf(one.start),
    })
  }
  for (const one of parsed.module.dynamicImports) {
    const request = text.slice(one.moduleRequest.start, one.moduleRequest.end)
    const literal = /^(['"`])([^$]*)\1$/.exec(request)?.[2]
    facts.push({ specifier: literal, names: ['*'], line: lineOf(one.start) })
  }
  // `import('x').Type` is syntax of the type level: the parser's module record leaves it out.
  new Visitor({
    TSImportType(node) {
      facts.push({ specifier: node.source.value, names: ['*'], line: lineOf(node.start) })
    },
  }).visit(parsed.program)
  return facts
}

function usesOf(parsed: Parsed, lineOf: LineOf): UseFact[] {
  const facts: UseFact[] = []
  const add = (kind: UseFact['kind'], name: string, start: number) => facts.push({ kind, name, line: lineOf(start) })
  new Visitor({
    MemberExpression(node) {
      if (node.object.type !== 'Identifier') return
      const property =
        node.property.type === 'Identifier' && !node.computed
          ? node.property.name
          : node.property.type === 'Literal'
            ? String(node.property.value)
            : undefined
      const name = `${node.object.name}.${property}`
      if (name === 'process.env') add('environment', name, node.start)
      if (CLOCK_AND_CHANCE.has(name)) add('clock-or-chance', name, node.start)
    },
    NewExpression(node) {
      if (node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0) {
        add('clock-or-chance', 'new Date()', node.start)
      }
    },
    CallExpression(node) {
      if (node.callee.type !== 'Identifier') return
      if (TIMERS.has(node.callee.name)) add('clock-or-chance', node.callee.name, node.start)
      if (node.callee.name === 'Date') add('clock-or-chance', 'Date()', node.start)
    },
    VariableDeclarator(node) {
      if (node.id.type !== 'ObjectPattern' || node.init?.type !== 'Identifier' || node.init.name !== 'process') return
      const takesEnv = node.id.properties.some(
        property => property.type === 'Property' && property.key.type === 'Identifier' && property.key.name === 'env',
      )
      if (takesEnv) add('environment', 'process.env', node.start)
    },
  }).visit(parsed.program)
  for (const one of parsed.module.staticImports) {
    const fromProcess = /^(node:)?process$/.test(one.moduleRequest.value)
    if (fromProcess && one.entries.some(entry => entry.importName.name === 'env'))
      add('environment', 'process.env', one.start)
  }
  return facts
}

/** Returns a function from an offset to its line, counted from 1. */
function lineIndex(text: string): LineOf {
  const starts = [0]
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) starts.push(i + 1)
  return offset => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return low + 1
  }
}
