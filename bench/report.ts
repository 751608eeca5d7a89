import { type Measure, PLANS } from './plan.ts'
import { OWN, type Ratio, ratiosOf, type Sample } from './summary.ts'

const MEASURES: readonly Measure[] = Object.values(PLANS).flatMap(({ measures }) => measures)
const HEAD = ['connections', 'proxy', 'rps', 'p50 us', 'p99 us', 'cpu us/req', 'user', 'sys', 'rss MB']
const RATIO_HEAD = ['connections', 'peer', 'rps', 'p50', 'p99', 'cpu us/req', 'rss']

/** The samples and their ratios as a table for people. */
export function formatTable(samples: readonly Sample[]): string {
  const lines: string[] = []
  for (const { name, title } of MEASURES) {
    const of = samples.filter(({ row }) => row.case === name)
    if (of.length === 0) continue
    lines.push('', `${name}: ${title}`, '', ...columns(HEAD, of.map(cells)))
    const rows = of.map(({ row }) => row)
    const ratios = rows
      .filter(({ proxy }) => proxy === OWN)
      .flatMap(ours =>
        Object.entries(ratiosOf(ours, rows)).map(([peer, ratio]) => ratioCells(ours.connections, peer, ratio)),
      )
    if (ratios.length === 0) continue
    lines.push('', `${OWN} divided by its peer (rps: more is better; the rest: less is better)`, '')
    lines.push(...columns(RATIO_HEAD, ratios))
  }
  return lines.join('\n').trimStart()
}

function cells({ row, userUsPerRequest, systemUsPerRequest }: Sample): string[] {
  return [
    String(row.connections),
    row.proxy,
    String(Math.round(row.rps)),
    String(Math.round(row.p50Us)),
    String(Math.round(row.p99Us)),
    row.cpuUsPerRequest.toFixed(1),
    userUsPerRequest.toFixed(1),
    systemUsPerRequest.toFixed(1),
    row.rssMb.toFixed(1),
  ]
}

function ratioCells(connections: number, peer: string, ratio: Ratio): string[] {
  const figures = [ratio.rps, ratio.p50, ratio.p99, ratio.cpuUsPerRequest, ratio.rss]
  return [String(connections), peer, ...figures.map(figure => figure.toFixed(2))]
}

/** Words to the left, figures to the right. */
function columns(head: readonly string[], body: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...body.map(line => (line[i] ?? '').length)))
  return [head, ...body].map(line =>
    line
      .map((cell, i) => (i === 1 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
