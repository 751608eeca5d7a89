import {
  Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseAllDocuments,
  type ToStringOptions,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { err, ok, type Result } from '../../common/mod.ts'
import { type Json, jsonPatch, type PatchStep, pointerNames } from '../../k8s/injector/mod.ts'

/** One document of a file: its value, and its text with whatever is changed in it. */
export interface YamlDocument {
  readonly value: Json
  /** The text with the value changed; comments and order stay. `plain`: it had to be written anew, without its comments. */
  changed(to: Json): { readonly text: string; readonly plain: boolean }
  /** The text as it would be printed unchanged. */
  text(): string
}

/**
 * The documents of a YAML (or JSON) text. Read as YAML 1.1, as kubectl does, for which `0644` is a file mode; but no text becomes a date. The
 * error says where the text is wrong.
 */
export function parseYamlDocuments(text: string): Result<readonly YamlDocument[], string> {
  const documents = parseAllDocuments(text, {
    version: '1.1',
    customTags: tags => tags.filter(tag => typeof tag === 'string' || tag.tag !== 'tag:yaml.org,2002:timestamp'),
  })
  const style = styleOf(text)
  const parsed: YamlDocument[] = []
  for (const document of documents) {
    const fault = document.errors[0]
    if (fault !== undefined) return err(fault.message.split('\n')[0] ?? 'it is no YAML')
    let value: Json
    try {
      value = (document.toJS({ maxAliasCount: ALIASES_MAX }) ?? null) as Json
    } catch (thrown) {
      return err(thrown instanceof Error ? thrown.message : String(thrown))
    }
    parsed.push(yamlDocument(document, value, style))
  }
  return ok(parsed)
}

/** What a value looks like as one document. */
export function yamlText(value: Json): string {
  return new Document(value, { version: '1.1', ...SPELT_OUT }).toString({ lineWidth: 0 })
}

/** What stands in two places is written twice: an anchor is for the writer to make. */
const SPELT_OUT = { aliasDuplicateObjects: false }
/** Each may hold others: ten levels of ten fill all memory. */
const ALIASES_MAX = 100

type Parsed = ReturnType<typeof parseAllDocuments>[number]

function yamlDocument(document: Parsed, value: Json, style: ToStringOptions): YamlDocument {
  const print = (shown: Pick<Document, 'toString'>): string => shown.toString(style)
  return {
    value,
    text: () => (document.contents === null && value === null ? '' : print(document)),
    changed(to) {
      // JSON was given, YAML is asked for; or one text stands for several values, which no longer are all the same.
      if (isFlow(document) || sharesText(document)) {
        const start = document.directives?.docStart === true ? '---\n' : ''
        return { text: `${start}${yamlText(to)}`, plain: sharesText(document) }
      }
      // A copy, so that the same document can be changed once more.
      const copy = document.clone() as unknown as Document
      for (const step of jsonPatch(value, to)) take(copy, step)
      return { text: print(copy), plain: false }
    },
  }
}

function isFlow(document: Parsed): boolean {
  return isMap(document.contents) && document.contents.flow === true
}

/** Anchors with aliases, and merge keys. */
function sharesText(document: Parsed): boolean {
  let found = false
  visit(document, {
    Alias: () => {
      found = true
      return visit.BREAK
    },
  })
  return found
}

/** How whoever wrote the text writes. */
function styleOf(text: string): ToStringOptions {
  const single = text.match(/'/g)?.length ?? 0
  const double = text.match(/"/g)?.length ?? 0
  return {
    lineWidth: 0,
    indentSeq: indentsLists(text),
    singleQuote: single > double,
    flowCollectionPadding: !/[{[][\w'"]/.test(text) || /\{ \w/.test(text),
  }
}

/** Whether most lists stand further right than the name above them. */
function indentsLists(text: string): boolean {
  let indented = 0
  let level = 0
  const lines = text.split('\n')
  for (const [at, line] of lines.entries()) {
    const name = /^( *)(?:- )*[\w./"'-]+:\s*(?:#.*)?$/.exec(line)
    const item = /^( *)- /.exec(lines[at + 1] ?? '')
    if (name === null || item === null) continue
    if ((item[1]?.length ?? 0) > (name[1]?.length ?? 0) + 2 * ((line.match(/^ *((?:- )+)/)?.[1]?.length ?? 0) / 2))
      indented++
    else level++
  }
  return indented > level
}

function take(document: Document, step: PatchStep): void {
  const names = [...pointerNames(step.path)]
  const last = names.pop()
  if (last === undefined) {
    document.contents = step.op === 'remove' ? null : document.createNode(step.value, SPELT_OUT)
    return
  }
  const holder = names.reduce<Node | null | undefined>(childOf, document.contents as Node | null)
  if (isMap(holder)) takeInMap(document, holder, last, step)
  else if (isSeq(holder)) takeInList(document, holder, Number(last), step)
  else throw new Error(`Assertion failed: ${step.path} leads to a list or a map`)
}

function takeInMap(document: Document, map: YAMLMap, name: string, step: PatchStep): void {
  const pair = pairOf(map, name)
  if (step.op === 'remove') map.items = map.items.filter(known => known !== pair)
  else if (pair !== undefined) pair.value = document.createNode(step.value, SPELT_OUT)
  else {
    // What is added to `{}` stands below it.
    if (map.items.length === 0) map.flow = false
    map.items.push(document.createPair(name, step.value, SPELT_OUT))
  }
}

function takeInList(document: Document, list: YAMLSeq, at: number, step: PatchStep): void {
  if (step.op === 'remove') list.items.splice(at, 1)
  else {
    if (list.items.length === 0) list.flow = false
    list.items.splice(at, step.op === 'add' ? 0 : 1, document.createNode(step.value, SPELT_OUT))
  }
}

function childOf(node: Node | null | undefined, name: string): Node | null | undefined {
  if (isMap(node)) return pairOf(node, name)?.value as Node | null | undefined
  if (isSeq(node)) return node.items[Number(name)] as Node | undefined
  return undefined
}

/** A number can be a name, too. */
function pairOf(map: YAMLMap, name: string): Pair | undefined {
  return map.items.find(
    item => isPair(item) && !isAlias(item.key) && String(isScalar(item.key) ? item.key.value : item.key) === name,
  )
}
