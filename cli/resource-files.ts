import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { formatProblem, parseResources, type Resource, TEXT_BYTES_MAX } from '../model/resources/mod.ts'
import { CliFailure, codeOf, messageOf } from './failure.ts'

/** The resources of all files (`-` is stdin), in their order. Throws `CliFailure` with every problem of every file, one a line. */
export async function readResourceFiles(files: readonly string[]): Promise<Resource[]> {
  const resources: Resource[] = []
  const problems: string[] = []
  for (const file of files) {
    const parsed = parseResources(await readText(file))
    if (parsed.ok) resources.push(...parsed.value)
    else problems.push(...parsed.error.map(problem => `  ${shownName(file)}: ${formatProblem(problem)}`))
  }
  if (problems.length > 0) {
    throw new CliFailure(`Cannot use ${files.map(shownName).join(', ')}: correct this first\n${problems.join('\n')}`)
  }
  if (resources.length === 0)
    throw new CliFailure(`Cannot use ${files.map(shownName).join(', ')}: no resource is in there`)
  return resources
}

/** The text of a file, or of stdin for `-`, within the limits of a text of resources. Throws `CliFailure`. */
export async function readText(file: string): Promise<string> {
  try {
    // Asynchronously: a pipe may have nothing to read yet, which a synchronous read takes for an error (EAGAIN).
    return decoded(file, await readBytes(file === '-' ? process.stdin : createReadStream(file)))
  } catch (thrown) {
    if (thrown instanceof CliFailure) throw thrown
    if (codeOf(thrown) === 'ENOENT')
      throw new CliFailure(`Cannot read ${file}: there is no file ${resolve(file)}; check the path`)
    if (codeOf(thrown) === 'EISDIR') throw new CliFailure(`Cannot read ${file}: it is a folder; name the files in it`)
    throw new CliFailure(`Cannot read ${shownName(file)}: ${messageOf(thrown)}`)
  }
}

/** No further than it takes to see that it is too much: /dev/zero has no end. */
async function readBytes(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of source) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > TEXT_BYTES_MAX) break
  }
  return Buffer.concat(chunks)
}

function decoded(file: string, bytes: Buffer): string {
  if (bytes.length > TEXT_BYTES_MAX) {
    throw new CliFailure(`Cannot read ${shownName(file)}: it has more than ${TEXT_BYTES_MAX} bytes; split it`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new CliFailure(`Cannot read ${shownName(file)}: it is not text in UTF-8; save it as that`)
  }
}

/** As people know it. */
export function shownName(file: string): string {
  return file === '-' ? 'stdin' : file
}
