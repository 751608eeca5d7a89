import type { z } from 'zod'
import { didYouMean } from '../../common/mod.ts'

const SHOWN_CHARACTERS_MAX = 60

/** What an issue says after its path, where the schema has no words of its own: "spec.port must be at most 65535, not 70000". */
export function wordsOf(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is missing'
      if (issue.expected === 'int') return `must be a whole number, not ${show(issue.input)}`
      return `must be ${nounOf(issue.expected)}, not ${show(issue.input)}`
    case 'invalid_value':
      return invalidValue(issue.input, issue.values.map(String))
    case 'too_small':
      return bound(issue.origin, 'at least', Number(issue.minimum), issue.input)
    case 'too_big':
      return bound(issue.origin, 'at most', Number(issue.maximum), issue.input)
    case 'invalid_union':
      return typeof issue.discriminator === 'string' && Array.isArray(issue.options)
        ? invalidDiscriminator(issue.discriminator, issue.input, issue.options.map(String))
        : `cannot be ${show(issue.input)}`
    default:
      return undefined
  }
}

function invalidValue(input: unknown, values: readonly string[]): string {
  const choices = values.length === 1 ? `write ${values[0]}` : `use one of ${values.join(', ')}`
  if (input === undefined) return `is missing: ${choices}`
  const near = typeof input === 'string' ? didYouMean(input, values) : ''
  return `cannot be ${show(input)}${near || `: ${choices}`}`
}

function invalidDiscriminator(field: string, input: unknown, options: readonly string[]): string {
  const value =
    typeof input === 'object' && input !== null && Object.hasOwn(input, field)
      ? (input as Readonly<Record<string, unknown>>)[field]
      : undefined
  return invalidValue(value, options)
}

function bound(origin: string, relation: 'at least' | 'at most', limit: number, input: unknown): string {
  if (origin === 'string') {
    const length = typeof input === 'string' ? `, not ${input.length}` : ''
    return relation === 'at least' && limit === 1
      ? 'must not be empty'
      : `must have ${relation} ${limit} characters${length}`
  }
  if (origin === 'array' || origin === 'set' || origin === 'map') {
    const length = Array.isArray(input) ? `, not ${input.length}` : ''
    return relation === 'at least' && limit === 1
      ? 'must have an entry'
      : `must have ${relation} ${limit} entries${length}`
  }
  return `must be ${relation} ${limit}, not ${show(input)}`
}

function nounOf(expected: string): string {
  if (expected === 'object' || expected === 'record') return 'an object'
  if (expected === 'array') return 'a list'
  if (expected === 'boolean') return 'true or false'
  return `a ${expected}`
}

function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = JSON.stringify(value) ?? typeof value
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}...` : text
}
