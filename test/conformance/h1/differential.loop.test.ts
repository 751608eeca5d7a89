import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { figures, times } from '../../loop/loop.ts'
import { ANSWER_CLASSES, answerClassOf, answerDifference } from './differential/answer-classes.ts'
import { answerWires, nodeClient, ourClient } from './differential/answers.ts'
import { CLASSES, classOf } from './differential/classes.ts'
import { firstDifference } from './differential/compare.ts'
import { wires } from './differential/generate.ts'
import { ours } from './differential/ours.ts'
import { nodeServer } from './differential/theirs.ts'
import type { Wire } from './differential/verdict.ts'

// Generated and mutated requests, split anywhere, against node:http's own server. Where the two part, a class of the table says why;
// docs/http1.md is that table in words.

const CASES = times(2_000, 100_000)
const node = nodeServer()
afterAll(() => node.close())

describe('our server and Node’s, given the same bytes in the same pieces', () => {
  test(`agree, or part where the table says so: ${CASES} connections`, async context => {
    const tally = new Map<string, number>()
    const count = (what: string, by = 1) => void tally.set(what, (tally.get(what) ?? 0) + by)
    await fc.assert(
      fc.asyncProperty(wires, async wire => {
        const [mine, other] = [await ours(wire), await node.judge(wire)]
        count('connections')
        count('requests', mine.requests.length)
        const difference = firstDifference(wire, mine, other)
        if (difference === undefined) return
        const found = classOf(difference)
        const { kind, why, text } = difference
        if (found === undefined) expect.fail(`unexplained: ${kind}, "${why}": ${JSON.stringify(text.slice(0, 500))}`)
        count(kind)
        count(found.name)
      }),
      { numRuns: CASES },
    )
    const of = (what: string): number => tally.get(what) ?? 0
    figures(context, {
      connections: of('connections'),
      requestsUnderstood: of('requests'),
      oursStricter: of('stricter'),
      oursLaxer: of('laxer'),
      otherwise: of('otherwise'),
      classesMet: CLASSES.filter(({ name }) => tally.has(name)).length,
    })
    // Most are understood alike, and the generator reaches far into the table.
    expect(of('requests')).toBeGreaterThan(CASES / 10)
    expect(CLASSES.filter(({ name }) => tally.has(name)).length).toBeGreaterThan(CLASSES.length / 2)
  })

  test('are judged alike by us however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(wires, async ({ bytes, cuts }: Wire) => {
        expect(await ours({ bytes, cuts })).toEqual(await ours({ bytes, cuts: [] }))
      }),
      { numRuns: CASES / 4 },
    )
  })
})

describe('our client and Node’s, given the same answer in the same pieces', () => {
  test(`agree, or part where the table says so: ${CASES} answers`, async context => {
    const tally = new Map<string, number>()
    const count = (what: string) => void tally.set(what, (tally.get(what) ?? 0) + 1)
    await fc.assert(
      fc.asyncProperty(answerWires, async wire => {
        const [mine, other] = [await ourClient(wire), await nodeClient(wire)]
        count(mine.whole ? 'whole' : 'refused')
        const difference = answerDifference(wire, mine, other)
        if (difference === undefined) return
        const found = answerClassOf(difference)
        const { kind, why, text } = difference
        if (found === undefined) expect.fail(`unexplained: ${kind}, "${why}": ${JSON.stringify(text.slice(0, 500))}`)
        count(kind)
        count(found.name)
      }),
      { numRuns: CASES },
    )
    const of = (what: string): number => tally.get(what) ?? 0
    figures(context, {
      answersWhole: of('whole'),
      answersRefused: of('refused'),
      oursStricter: of('stricter'),
      oursLaxer: of('laxer'),
      otherwise: of('otherwise'),
    })
    expect(of('whole')).toBeGreaterThan(CASES / 5)
    expect(of('refused')).toBeGreaterThan(CASES / 5)
  })
})

describe('the tables', () => {
  test('are explained in docs/http1.md, each class with its RFC', () => {
    const rows = readFileSync(new URL('../../../docs/http1.md', import.meta.url), 'utf8').split('\n')
    for (const { name, rfc } of [...CLASSES, ...ANSWER_CLASSES]) {
      const row = rows.find(line => line.startsWith(`| ${name} | ${rfc} |`))
      expect(row, `${name}, ${rfc}`).toBeDefined()
    }
  })
})
