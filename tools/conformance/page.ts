import type { LineResult, ProvenLine, ProvenSection } from './collect.ts'

const WORDS: Readonly<Record<LineResult, string>> = {
  passed: 'passed',
  failed: 'FAILED',
  partial: 'in part',
  open: 'no test yet',
  later: 'not built yet',
}
const RESULTS = Object.keys(WORDS) as LineResult[]

/** docs/conformance.md. Depends on the lines, the tests and their results alone: no dates, no timings. */
export function pageOf(sections: readonly ProvenSection[]): string {
  return `${[
    '# Conformance',
    '',
    'What a mesh of this kind must survive, and the rules of the standards that its users hold it to, line by line, with the tests that prove',
    'it and their result. `npm test` writes this page from its own run: edit the lines in `tools/conformance/lines.ts`, and write the number of',
    'a line into the title of a test that proves it, `[H1-4]`.',
    '',
    ...summary(sections),
    '',
    '## h2spec',
    '',
    '`node tools/h2spec/main.ts` runs [h2spec](https://github.com/summerwind/h2spec) 2.6.0 (146 cases, and one more that it calls strict) against a gateway',
    'of a sidecar, in plaintext and with TLS, and prints what it says. A gateway is a listener all of whose traffic goes to one service, whatever authority',
    'it names: `selvedge sidecar --gateway 8080=web:80 --gateway https://8443=web:80`. h2spec asks for its own address, which names no service. It is built from',
    'the Go module proxy into the cache of the user; Go has to be there (Debian: `golang-go`). `npm test` runs it as H2-20.',
    ...sections.flatMap(section => ['', `## ${section.id}: ${section.title}`, ...section.lines.flatMap(paragraph)]),
  ].join('\n')}\n`
}

function summary(sections: readonly ProvenSection[]): string[] {
  const row = (name: string, lines: readonly ProvenLine[]): string => {
    const counts = RESULTS.map(result => lines.filter(line => line.result === result).length)
    return `| ${[name, lines.length, ...counts].join(' | ')} |`
  }
  return [
    `| section | lines | ${RESULTS.map(result => WORDS[result]).join(' | ')} |`,
    `| --- |${' ---: |'.repeat(RESULTS.length + 1)}`,
    ...sections.map(({ id, title, lines }) => row(`${id}: ${title}`, lines)),
    row(
      'all',
      sections.flatMap(({ lines }) => lines),
    ),
  ]
}

function paragraph({ id, text, result, proofs }: ProvenLine): string[] {
  const lines = ['', `### ${id}: ${WORDS[result]}`, '', `${text}.`]
  let file = ''
  for (const proof of proofs) {
    if (proof.file !== file) lines.push(...(file === '' ? [''] : []), `- \`${proof.file}\``)
    file = proof.file
    lines.push(`  - ${proof.passed ? '' : 'FAILED: '}${code(proof.title)}`)
  }
  return lines
}

/** A title as it stands, whatever it holds: hostile input is what many of them are about. */
function code(title: string): string {
  const shown = title.replaceAll(/[\0-\x1f\x7f-\uffff]/g, escaped)
  // CommonMark 6.1: a code span is fenced by more backticks than any run in it has.
  const longest = Math.max(0, ...(shown.match(/`+/g) ?? []).map(run => run.length))
  const fence = '`'.repeat(longest + 1)
  return longest === 0 ? fence + shown + fence : `${fence} ${shown} ${fence}`
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
