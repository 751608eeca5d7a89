// `npm run ok`: what each commit must pass, in well under a minute.
import { runSteps } from './checks/run-step.ts'
import { staticSteps, unitTestStep } from './checks/steps.ts'

const passed = await runSteps([...staticSteps(), unitTestStep()], line => console.log(line))
process.exitCode = passed ? 0 : 1
