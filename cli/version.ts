import { readFileSync } from 'node:fs'

/** The version in package.json, which lies one folder up in a checkout and two in the published package (`dist/cli`). */
export function programVersion(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as Record<
        string,
        unknown
      >
      if (name === 'selvedge' && typeof version === 'string') return version
    } catch {
      // Not here.
    }
  }
  return 'unknown'
}
