import type { Ratio, Row } from './summary.ts'

const TITLES = {
  h1: 'h1: one plaintext HTTP/1.1 hop',
  mtls: 'mtls: app -> proxy = mutual TLS 1.3 => proxy -> app, HTTP/1.1 at both ends; time and memory of both proxies together',
}

/** The rows and ratios as a table for people. */
export function formatTable(rows: readonly Row[], ratios: readonly Ratio[]): string {
  const lines: string[] = []
  for (const one of new Set(rows.map(row => row.case))) {
    lines.push('', TITLES[one], '')
    lines.push(
      ...columns(
        ['connections', 'proxy', 'rps', 'p50 us', 'p99 us', 'cpu us/req', 'user', 'sys', 'rss MB'],
        rows.filter(row => row.case === one).map(cells),
      ),
    )
    const own = ratios.filter(ratio => ratio.case === one)
    if (own.length === 0) continue
    lines.push('', 'selvedge divided by its peer (rps: more is better; the rest: less is better)', '')
    lines.push(
      ...columns(['connections', 'peer', 'rps', 'p50', 'p99', 'cpu us/req', 'user', 'rss'], own.map(ratioCells)),
    )
  }
  return lines.join('\n').trimStart()
}

function cells(row: Row): string[] {
  return [
    String(row.connections),
    row.proxy,
    String(Math.round(row.rps)),
    String(Math.round(row.p50Us)),
    String(Math.round(row.p99Us)),
    row.cpuUsPerRequest.toFixed(1),
    row.userUsPerRequest.toFixed(1),
    (row.cpuUsPerRequest - row.userUsPerRequest).toFixed(1),
    row.rssMb.toFixed(1),
  ]
}

function ratioCells(ratio: Ratio): string[] {
  const figures = [ratio.rps, ratio.p50, ratio.p99, ratio.cpuUsPerRequest, ratio.userUsPerRequest, ratio.rss]
  return [String(ratio.connections), ratio.peer, ...figures.map(figure => figure.toFixed(2))]
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
