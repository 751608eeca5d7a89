import { describe, expect, it } from 'vitest'
import { drawPicture, PICTURE_BEGIN, PICTURE_END, withPicture } from './picture.ts'
import type { Law, Room } from './table.ts'

const room = (path: string, may: string[]): Room => ({ path, purpose: `what ${path} does`, may, packages: [] })
const law: Law = {
  never: [],
  rooms: [
    room('common', []),
    room('model/a', ['common']),
    room('certs', ['common', 'model/a']),
    room('sidecar', ['sidecar/*', 'certs', 'model/*']),
    room('sidecar/http', ['common']),
    room('sidecar/inbound', ['sidecar/http', 'certs']),
  ],
}

describe('picture', () => {
  it('draws an arrow for each grant, without those that follow from others', () => {
    const picture = drawPicture(law)
    expect(picture).toContain('sidecar --> certs\n')
    expect(picture).toContain('certs --> model\n')
    expect(picture).not.toContain('sidecar --> model')
    expect(picture).toContain('inbound --> http\n')
    expect(picture).not.toContain('--> common')
    expect(picture).toContain('| `sidecar/inbound` | what sidecar/inbound does | `sidecar/http`, `certs` |')
  })

  it('is put between its markers, and again without change', () => {
    const text = `# Title\n\n${PICTURE_BEGIN}\nold\n${PICTURE_END}\n\ntail\n`
    const once = withPicture(text, drawPicture(law))
    expect(once).toMatch(/^# Title\n[\s\S]*\n\ntail\n$/)
    expect(once).not.toContain('\nold\n')
    expect(withPicture(once ?? '', drawPicture(law))).toBe(once)
  })

  it('is not put where a marker is missing', () => {
    expect(withPicture(`# Title\n${PICTURE_BEGIN}\n`, 'x')).toBeUndefined()
  })
})
