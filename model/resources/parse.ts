import { type Document, isMap, isNode, isScalar, LineCounter, type ParsedNode, parseAllDocuments } from 'yaml'
import { err, ok, type Result } from '../../common/mod.ts'
import { kindInfo, type Resource } from './kinds.ts'
import { formatPath, type ResourceProblem, resourceId } from './problem.ts'
import { ProblemList } from './problem-list.ts'
import { hasRepeatedKey, repeatedKeys } from './repeated-keys.ts'
import { FILE_BUDGET, jsonBudgetFault, type YamlBudget, yamlBudgetFault } from './text-budget.ts'
import { checkResource, isObject, nameOf } from './validate.ts'

/** One text. 10,000 resources of ordinary size fit in. */
export const TEXT_BYTES_MAX = 4 * 1024 * 1024
/** Resources in one text, in documents and lists together. */
export const RESOURCES_MAX = 10_000
/** An alias bomb repeats a list of lists of aliases; honest files repeat a block or two. */
const ALIASES_MAX = 100
/** After its first faults of syntax a document is a puzzle: what follows says nothing. */
const SYNTAX_FAULTS_MAX = 3

/** A value that may be a resource, with where it came from. */
interface Candidate {
  readonly value: unknown
  /** `document 2` or `document 2, item 3`. */
  readonly place: string
  lineOf(path: readonly PropertyKey[]): number | undefined
}

/**
 * Reads resources from YAML (several documents) or JSON; a document may be a `List`, or the API's `{"resources": [...]}`. Empty documents
 * don't count.
 * It is all or nothing: the problems of all documents are reported together, each with its line. `budget` bounds what YAML may cost.
 */
export function parseResources(text: string, budget: YamlBudget = FILE_BUDGET): Result<Resource[], ResourceProblem[]> {
  const bytes = Buffer.byteLength(text)
  if (bytes > TEXT_BYTES_MAX) {
    return err([{ resource: 'text', path: '', message: `has ${bytes} bytes: at most ${TEXT_BYTES_MAX} are read` }])
  }
  const problems = new ProblemList()
  const candidates = candidatesOf(text, budget, problems)
  if (candidates.length > RESOURCES_MAX) {
    return err([
      {
        resource: 'text',
        path: '',
        message: `holds ${candidates.length} resources: at most ${RESOURCES_MAX} are read`,
      },
    ])
  }
  const resources: Resource[] = []
  const seen = new Map<string, string>()
  for (const candidate of candidates) {
    const checked = checkResource(candidate.value)
    const resource = nameOf(candidate.value) ?? candidate.place
    if (!checked.ok) {
      for (const { path, message } of checked.error) {
        problems.add({ resource, path: formatPath(path), message }, () => candidate.lineOf(path))
      }
      continue
    }
    const id = resourceId(checked.value)
    const before = seen.get(id)
    if (before !== undefined) {
      const problem = { resource, path: '', message: `is given twice, in ${before} too` }
      problems.add(problem, () => candidate.lineOf([]))
    }
    seen.set(id, candidate.place)
    resources.push(checked.value)
  }
  return problems.isEmpty ? ok(resources) : err(problems.inReadingOrder())
}

function candidatesOf(text: string, budget: YamlBudget, problems: ProblemList): Candidate[] {
  const isJson = looksLikeJson(text)
  const tooMuch = isJson ? jsonBudgetFault(text) : undefined
  const json = isJson && tooMuch === undefined ? parseJson(text) : undefined
  if (json !== undefined) return itemsOf(json.value, 'document 1', () => undefined)
  const fault = tooMuch ?? yamlBudgetFault(text, RESOURCES_MAX, budget)
  if (fault !== undefined) {
    problems.add({ resource: 'text', path: '', message: fault })
    return []
  }
  const counter = new LineCounter()
  const candidates: Candidate[] = []
  try {
    // Keys that stand twice are found below: the parser would take minutes for a large map.
    const how = { lineCounter: counter, prettyErrors: false, stringKeys: true, uniqueKeys: false }
    const documents = parseAllDocuments(text, how)
    for (const [index, document] of [...documents].entries()) {
      const place = `document ${index + 1}`
      candidates.push(...candidatesOfDocument(document, place, counter, problems))
    }
  } catch (error) {
    // The parser recurses: thousands of nested brackets exhaust the stack.
    if (!(error instanceof RangeError)) throw error
    problems.add({ resource: 'text', path: '', message: 'is nested too deep to be read' })
  }
  return candidates
}

function looksLikeJson(text: string): boolean {
  const first = text.trimStart()[0]
  return first === '{' || first === '['
}

/** JSON is YAML, but JSON's own parser is far faster; lines are not known then. */
function parseJson(text: string): { readonly value: unknown } | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  // Read as YAML, it is refused with the key and its line.
  return hasRepeatedKey(text, value) ? undefined : { value }
}

function candidatesOfDocument(
  document: Document.Parsed<ParsedNode>,
  place: string,
  counter: LineCounter,
  problems: ProblemList,
): Candidate[] {
  for (const fault of document.errors.slice(0, SYNTAX_FAULTS_MAX)) {
    const line = counter.linePos(fault.pos[0]).line
    const message = fault.code === 'RESOURCE_EXHAUSTION' ? 'is nested too deep' : `is not YAML: ${fault.message}`
    problems.add({ resource: place, path: '', message, line })
  }
  const repeated = repeatedKeys(document)
  for (const { key, offset } of repeated.slice(0, SYNTAX_FAULTS_MAX)) {
    const { line } = counter.linePos(offset)
    problems.add({ resource: place, path: formatPath([key]), message: 'is given twice in one object', line })
  }
  if (document.errors.length + repeated.length > 0) return []
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: ALIASES_MAX })
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error
    problems.add({
      resource: place,
      path: '',
      message: `cannot be read: ${error.message} (at most ${ALIASES_MAX} are followed)`,
    })
    return []
  }
  if (value === null || value === undefined) return []
  return itemsOf(value, place, path => lineOfPath(document, path, counter))
}

/** A list (`kind: List`, `kind: ServiceList`, a bare one, `{"resources": [...]}` alone) stands for its items. */
function itemsOf(value: unknown, place: string, lineOf: Candidate['lineOf']): Candidate[] {
  const list = listIn(value)
  if (list === undefined) return [{ value, place, lineOf }]
  const { prefix, items } = list
  return items.map((item, index) => ({
    value: item,
    place: `${place}, item ${index + 1}`,
    lineOf: path => lineOf([...prefix, index, ...path]),
  }))
}

function listIn(
  value: unknown,
): { readonly prefix: readonly string[]; readonly items: readonly unknown[] } | undefined {
  if (Array.isArray(value)) return { prefix: [], items: value }
  if (!isObject(value)) return undefined
  const { kind, items, resources } = value
  if (Array.isArray(items) && isListKind(kind)) return { prefix: ['items'], items }
  // With anything beside it, it would be a question what that was meant to say.
  if (Array.isArray(resources) && Object.keys(value).length === 1) return { prefix: ['resources'], items: resources }
  return undefined
}

/** `List`, or as the API answers: `ServiceList`. */
function isListKind(kind: unknown): boolean {
  if (typeof kind !== 'string' || !kind.endsWith('List')) return false
  return kind === 'List' || kindInfo(kind.slice(0, -'List'.length)) !== undefined
}

/** The line of the field at `path`, else of the nearest thing around it that is there. */
function lineOfPath(
  document: Document.Parsed<ParsedNode>,
  path: readonly PropertyKey[],
  counter: LineCounter,
): number | undefined {
  for (let length = path.length; length >= 0; length--) {
    const parts = path.slice(0, length)
    const parent = length === 0 ? undefined : document.getIn(parts.slice(0, -1), true)
    const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && key.value === parts.at(-1)) : undefined
    const node = isScalar(pair?.key) ? pair.key : length === 0 ? document.contents : document.getIn(parts, true)
    if (isNode(node) && node.range) return counter.linePos(node.range[0]).line
  }
  return undefined
}
