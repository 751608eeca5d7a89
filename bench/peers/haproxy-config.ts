import type { Certificates } from '../certificates.ts'

export interface HaproxyWish {
  readonly mode: 'http' | 'tcp'
  readonly bind: string
  readonly server: string
  readonly bufferBytes?: number
  /** Another line for the backend. */
  readonly backend?: string
}

/** One thread, no logs, every idle upstream connection used again unless `backend` says otherwise. */
export function haproxyConfig({ mode, bind, server, bufferBytes, backend }: HaproxyWish): string {
  return [
    'global',
    '  nbthread 1',
    '  maxconn 4096',
    ...(bufferBytes === undefined ? [] : [`  tune.bufsize ${bufferBytes}`]),
    'defaults',
    `  mode ${mode}`,
    ...(mode === 'http' ? ['  http-reuse always'] : []),
    '  timeout connect 5s',
    '  timeout client 1h',
    '  timeout server 1h',
    'frontend near',
    `  bind ${bind}`,
    '  default_backend far',
    'backend far',
    ...(backend === undefined ? [] : [`  ${backend}`]),
    `  server one ${server}`,
    '',
  ].join('\n')
}

/** Mutual TLS 1.3 without resumption: the words for the end that accepts, and for the one that connects. */
export function haproxyTls(
  { ca, client, server, serverName }: Certificates,
  alpn: 'http/1.1' | 'h2' | undefined,
): { readonly bind: string; readonly server: string } {
  const both = `ca-file ${ca} verify required ssl-min-ver TLSv1.3 no-tls-tickets${alpn === undefined ? '' : ` alpn ${alpn}`}`
  return {
    bind: `ssl crt ${server.bundle} ${both}`,
    server: `ssl crt ${client.bundle} ${both} no-ssl-reuse verifyhost ${serverName} sni str(${serverName})`,
  }
}
