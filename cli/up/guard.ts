import { spawn } from 'node:child_process'

/**
 * Outlives us, whatever ends us. A shell of about one megabyte reads which process groups are ours; when its stdin ends because we were killed,
 * it ends what is left of them and removes the temporary folder. (Children can't do that themselves: a user's program knows nothing of us.)
 */
export interface Guard {
  add(group: number): void
  drop(group: number): void
  /** The guard ends; what is still listed goes with it. */
  close(): void
}

/** Two seconds between asking and forcing, as for Ctrl-C. */
const SCRIPT = `
groups=
while read -r verb group; do
  case $verb in
    add) groups="$groups $group" ;;
    drop) kept=; for held in $groups; do [ "$held" = "$group" ] || kept="$kept $held"; done; groups=$kept ;;
  esac
done
if [ -n "$groups" ]; then
  for group in $groups; do kill -s TERM -- "-$group" 2>/dev/null; done
  sleep 2
  for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
fi
[ -z "$1" ] || rm -rf -- "$1"
`

/** @param temporaryDir removed when we are gone; empty for none */
export function startGuard(temporaryDir: string): Guard {
  // In a session of its own, so that neither Ctrl-C nor a signal to our group reaches it.
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'selvedge-guard', temporaryDir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // A machine without /bin/sh has no guard: an orderly end still ends everything.
  shell.on('error', () => {})
  shell.stdin.on('error', () => {})
  shell.unref()
  return {
    add: group => void shell.stdin.write(`add ${group}\n`),
    drop: group => void shell.stdin.write(`drop ${group}\n`),
    close: () => void shell.stdin.end(),
  }
}
