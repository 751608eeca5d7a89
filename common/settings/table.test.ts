import { describe, expect, it } from 'vitest'
import { err, ok, type Result } from '../mod.ts'
import { GivenSettings, setting, settingsHelp } from './mod.ts'

const TABLE = [
  setting('data-dir', 'DIR', '.data', 'where things are kept'),
  setting('label', 'KEY=VALUE', '', 'a label', true),
  setting('loud', '', 'off', 'say more'),
  setting('size', 'N', '1', 'how many'),
]

function given(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return new GivenSettings('weave', TABLE, args, env)
}

function parseSize(text: string): Result<number, string> {
  return /^[0-9]+$/.test(text) ? ok(Number(text)) : err(`"${text}" is not a number`)
}

describe('settings', () => {
  it('take the flag before the variable before the fallback', () => {
    expect(given(['--data-dir', 'a'], { SELVEDGE_DATA_DIR: 'b' }).text('data-dir')).toBe('a')
    expect(given([], { SELVEDGE_DATA_DIR: 'b' }).text('data-dir')).toBe('b')
    expect(given([], { SELVEDGE_DATA_DIR: '' }).text('data-dir')).toBe('.data')
  })

  it('collect a repeatable flag, and split its variable at commas', () => {
    expect(given(['--label', 'a=1', '--label=b=2']).all('label')).toEqual(['a=1', 'b=2'])
    expect(given([], { SELVEDGE_LABEL: 'a=1,b=2' }).all('label')).toEqual(['a=1', 'b=2'])
    expect(given([]).all('label')).toEqual([])
  })

  it('switch on without a value', () => {
    expect(given(['--loud']).text('loud')).toBe('on')
    expect(given([]).text('loud')).toBe('off')
  })

  it('name the flag or the variable that cannot be understood', () => {
    const byFlag = given(['--size', 'x'])
    expect(byFlag.read('size', parseSize)).toBeUndefined()
    expect(byFlag.problems).toEqual(['Cannot use --size: "x" is not a number.'])
    const byVariable = given([], { SELVEDGE_SIZE: 'y' })
    expect(byVariable.read('size', parseSize)).toBeUndefined()
    expect(byVariable.problems).toEqual(['Cannot use SELVEDGE_SIZE: "y" is not a number.'])
  })

  it('refuse unknown flags with the nearest name, bare words, and missing values', () => {
    expect(given(['--data-dri', 'x', 'y', '--size']).problems).toEqual([
      'Cannot use --data-dri: there is no such flag. Did you mean --data-dir?',
      'Cannot use "x": this command takes flags alone.',
      'Cannot use "y": this command takes flags alone.',
      'Cannot use --size: its value is missing.',
    ])
    expect(given(['--zebra']).problems).toEqual([
      'Cannot use --zebra: there is no such flag. See "selvedge weave --help".',
    ])
  })

  it('are all told in the help, with variable and default', () => {
    const help = settingsHelp(TABLE).join('\n')
    for (const { name, variable } of TABLE) {
      expect(help).toContain(`--${name}`)
      expect(help).toContain(variable)
    }
    expect(help).toContain('(repeatable)')
    expect(help).toContain('(default: .data)')
  })
})
