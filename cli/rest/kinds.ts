import { nearestName } from '../../common/mod.ts'
import { KINDS, type KindInfo } from '../../model/resources/mod.ts'
import { usageFailure } from '../failure.ts'

/** What a path needs to know of a kind. */
export type KindName = Pick<KindInfo, 'kind' | 'apiVersion' | 'plural'>

/** The kind that a person means: singular, plural or short, in any case. Throws wrong usage, with the nearest name. */
export function kindOf(word: string): KindName {
  const wanted = word.toLowerCase()
  const found = KINDS.find(({ kind, plural, shortNames }) =>
    [kind.toLowerCase(), plural, ...shortNames].includes(wanted),
  )
  if (found !== undefined) return found
  const near = nearestName(
    wanted,
    KINDS.flatMap(({ kind, plural }) => [kind.toLowerCase(), plural]),
  )
  const meant = near === undefined ? `known are ${KINDS.map(({ kind }) => kind).join(', ')}` : `did you mean "${near}"?`
  throw usageFailure(`Cannot find the kind "${word}": there is none; ${meant}`)
}

/** The REST path of a list (without `name`) or of one resource. Without `namespace`: of all namespaces. */
export function pathOf(kind: KindName, namespace: string | undefined, name?: string): string {
  const root = kind.apiVersion.includes('/') ? `/apis/${kind.apiVersion}` : `/api/${kind.apiVersion}`
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${root}${within}/${kind.plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`
}
