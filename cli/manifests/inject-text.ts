import { err, ok, type Result } from '../../common/mod.ts'
import { type Injected, type InjectSettings, inject, type Json } from '../../k8s/injector/mod.ts'
import { parseYamlDocuments } from './edit-yaml.ts'

export interface InjectedText {
  /** The very same text where nothing was changed. */
  readonly text: string
  /** All resources, in their order. */
  readonly resources: readonly Json[]
  readonly outcomes: readonly Injected[]
  /** What lost its comments. */
  readonly notes: readonly string[]
}

/** Injects into all resources of a text of YAML or JSON, and leaves what it does not have to change as it is written. */
export function injectText(text: string, settings: InjectSettings): Result<InjectedText, string> {
  const documents = parseYamlDocuments(text)
  if (!documents.ok) return err(documents.error)
  const parts: string[] = []
  const resources: Json[] = []
  const outcomes: Injected[] = []
  const notes: string[] = []
  let same = true
  for (const [at, document] of documents.value.entries()) {
    const injection = inject(document.value, settings)
    outcomes.push(...injection.outcomes)
    if (injection.resource !== null) resources.push(injection.resource)
    if (injection.resource === document.value) parts.push(document.text())
    else {
      same = false
      const changed = document.changed(injection.resource)
      if (changed.plain) notes.push(`document ${at + 1} has lost its comments: it uses anchors`)
      parts.push(changed.text)
    }
  }
  return ok({ text: same ? text : joined(parts), resources, outcomes, notes })
}

/** Documents as one text, with `---` between them. */
export function joined(texts: readonly string[]): string {
  return texts
    .filter(text => text.trim() !== '')
    .map(text => (text.endsWith('\n') ? text : `${text}\n`))
    .map((text, at) => (at === 0 || /^(#[^\n]*\n|\s*\n)*---/.test(text) ? text : `---\n${text}`))
    .join('')
}
