// What can an operator say? All verbs, in the order in which they are looked for.

import { backupCommand } from "./backupCommand.ts"
import { logCommand } from "./logCommand.ts"
import { membersCommand } from "./membersCommand.ts"
import {
  addCommand,
  configureCommand,
  promoteCommand,
  removeCommand,
  replaceCommand,
} from "./membershipCommands.ts"
import { recoverCommand } from "./recoverCommand.ts"
import { snapshotCommand } from "./snapshotCommand.ts"
import { statusCommand } from "./statusCommand.ts"
import { transferCommand } from "./transferCommand.ts"
import { watchCommand } from "./watchCommand.ts"

export const operatorCommands = [
  statusCommand,
  membersCommand,
  addCommand,
  removeCommand,
  promoteCommand,
  replaceCommand,
  configureCommand,
  transferCommand,
  snapshotCommand,
  logCommand,
  watchCommand,
  backupCommand,
  recoverCommand,
] as const
