/**
 * What a program is told by flags and environment: a table that is read, explained and checked in one way for all programs.
 * Invariants: reads neither environment nor files by itself; reports all problems together; refuses unknown flags.
 */
export { GivenSettings, type Setting, setting, settingsHelp } from './table.ts'
export {
  LOG_LEVELS,
  type LogLevel,
  parseAddress,
  parseBytesWithin,
  parseCountWithin,
  parseDurationWithin,
  parseListenPort,
  parseLogLevel,
  parseSwitch,
} from './values.ts'
