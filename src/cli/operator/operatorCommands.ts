// What can an operator say? All verbs, in the order in which they are looked for.

import type { Platform } from "../Platform.ts"
import { actorsCommand } from "./actorsCommand.ts"
import { backupCommand } from "./backupCommand.ts"
import { deployCommand } from "./deployCommand.ts"
import { groupsCommand } from "./groupsCommand.ts"
import { logCommand } from "./logCommand.ts"
import { membersCommand } from "./membersCommand.ts"
import {
  addCommand,
  configureCommand,
  promoteCommand,
  removeCommand,
  replaceCommand,
} from "./membershipCommands.ts"
import { rebalanceCommand } from "./rebalanceCommand.ts"
import { recoverCommand } from "./recoverCommand.ts"
import { repairCommand } from "./repairCommand.ts"
import { shardsCommand, splitCommand } from "./shardsCommand.ts"
import { snapshotCommand } from "./snapshotCommand.ts"
import { statusCommand } from "./statusCommand.ts"
import { transferCommand } from "./transferCommand.ts"
import { activateCommand, planCommand, rollbackCommand } from "./versionCommands.ts"
import { watchCommand } from "./watchCommand.ts"

export const operatorCommands = (platform: Platform) =>
  [
    statusCommand,
    membersCommand,
    addCommand,
    removeCommand,
    promoteCommand,
    replaceCommand,
    configureCommand,
    transferCommand,
    groupsCommand,
    rebalanceCommand,
    shardsCommand,
    splitCommand,
    actorsCommand,
    deployCommand,
    planCommand,
    activateCommand,
    rollbackCommand,
    repairCommand,
    snapshotCommand,
    logCommand,
    watchCommand,
    backupCommand(platform),
    recoverCommand,
  ] as const
