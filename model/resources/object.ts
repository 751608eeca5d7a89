import { z } from 'zod'
import { didYouMean } from '../../common/mod.ts'

/**
 * An object that refuses fields it does not know, and names the nearest that it does.
 * `refused` holds fields that the standard knows and we do not carry out (yet), each with what to do instead.
 * Where several fields are unknown, the issue's message has one line for each of its keys.
 */
export function object<Shape extends z.core.$ZodShape>(shape: Shape, refused: Readonly<Record<string, string>> = {}) {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    error: issue => {
      if (issue.code !== 'unrecognized_keys') return undefined
      return issue.keys
        .map(key =>
          Object.hasOwn(refused, key)
            ? `is not supported yet: ${refused[key]}`
            : `is unknown${didYouMean(key, known) || `: known are ${known.join(', ')}`}`,
        )
        .join('\n')
    },
  })
}
