import { err, ok, type Result } from '../../common/mod.ts'
import type { Refusal } from './status.ts'

/** As much of a resource as selectors look at. */
export interface Selectable {
  readonly metadata?: {
    readonly name?: unknown
    readonly namespace?: unknown
    readonly labels?: Readonly<Record<string, unknown>>
  }
}

export type Selector = (resource: Selectable) => boolean

/** Longer ones, and more requirements, nobody writes by hand. */
const SELECTOR_CHARACTERS_MAX = 4096
const REQUIREMENTS_MAX = 64
/** Kubernetes, labels: an optional prefix (a DNS name and "/"), then 63 characters. */
const KEY = /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/
const VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/
const SET_BASED = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/
const EQUALITY = /^([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)$/

/**
 * `labelSelector`, as Kubernetes spells it: requirements joined by commas, all of which must hold. `a=b`, `a==b`, `a!=b`, `a in (b,c)`,
 * `a notin (b,c)`, `a` (is there) and `!a` (is not). What excludes a value takes resources without the label, too.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
export function parseLabelSelector(text: string): Result<Selector, Refusal> {
  if (text.trim() === '') return ok(() => true)
  if (text.length > SELECTOR_CHARACTERS_MAX) return err(wrong('labelSelector', text, 'it is too long'))
  // Commas within parentheses part values, all others requirements.
  const parts = text.split(/,(?![^()]*\))/)
  if (parts.length > REQUIREMENTS_MAX) {
    return err(wrong('labelSelector', text, `it has more than ${REQUIREMENTS_MAX} requirements`))
  }
  const tests: ((labels: Readonly<Record<string, unknown>>) => boolean)[] = []
  for (const part of parts) {
    const requirement = requirementOf(part.trim())
    if (requirement === undefined) {
      const state = `"${part.trim().slice(0, 100)}" is no requirement; write a=b, a!=b, a in (b,c), a notin (b,c), a or !a`
      return err(wrong('labelSelector', text, state))
    }
    tests.push(requirement)
  }
  return ok(({ metadata }) => tests.every(test => test(metadata?.labels ?? {})))
}

function requirementOf(text: string): ((labels: Readonly<Record<string, unknown>>) => boolean) | undefined {
  const held = (labels: Readonly<Record<string, unknown>>, key: string) =>
    Object.hasOwn(labels, key) ? labels[key] : undefined
  const set = SET_BASED.exec(text)
  if (set !== null) {
    const [, key = '', operator, list = ''] = set
    const values = list.split(',').map(value => value.trim())
    if (!KEY.test(key) || !values.every(value => VALUE.test(value))) return undefined
    return operator === 'in'
      ? labels => Object.hasOwn(labels, key) && values.includes(String(labels[key]))
      : labels => !values.includes(String(held(labels, key) ?? '\0'))
  }
  const equality = EQUALITY.exec(text)
  if (equality !== null) {
    const [, key = '', operator, value = ''] = equality
    if (!KEY.test(key) || !VALUE.test(value)) return undefined
    return operator === '!=' ? labels => held(labels, key) !== value : labels => held(labels, key) === value
  }
  const absent = text.startsWith('!')
  const key = (absent ? text.slice(1) : text).trim()
  if (!KEY.test(key)) return undefined
  return labels => Object.hasOwn(labels, key) !== absent
}

const FIELDS = ['metadata.name', 'metadata.namespace'] as const

/** `fieldSelector`: `metadata.name` and `metadata.namespace`, with `=`, `==` or `!=`, joined by commas. */
export function parseFieldSelector(text: string): Result<Selector, Refusal> {
  if (text.trim() === '') return ok(() => true)
  if (text.length > SELECTOR_CHARACTERS_MAX) return err(wrong('fieldSelector', text, 'it is too long'))
  const tests: Selector[] = []
  for (const part of text.split(',')) {
    const equality = EQUALITY.exec(part.trim())
    const [, field, operator, value = ''] = equality ?? []
    if (field !== 'metadata.name' && field !== 'metadata.namespace') {
      const state = `"${part.trim().slice(0, 100)}" is no requirement; write ${FIELDS.join(' or ')}, then =, == or !=, then a value`
      return err(wrong('fieldSelector', text, state))
    }
    const name = field === 'metadata.name' ? 'name' : 'namespace'
    tests.push(({ metadata }) => (metadata?.[name] === value) === (operator !== '!='))
  }
  return ok(resource => tests.every(test => test(resource)))
}

function wrong(parameter: string, text: string, state: string): Refusal {
  const shown = text.length > 100 ? `${text.slice(0, 100)}...` : text
  return { code: 400, message: `Cannot use ${parameter}=${shown}: ${state}.` }
}
