// natsnode auth: operators, accounts, users and their credentials, and secrets for configurations without an operator.
import type { CommandGroup } from "../subcommand.js";
import { accountCommands } from "./account-commands.js";
import { FOLDER_OPTIONS } from "./desk.js";
import { operatorCommands } from "./operator-commands.js";
import { pushCommand } from "./push.js";
import { secretCommands } from "./secret-commands.js";
import { serverConfigCommand } from "./server-config.js";
import { sharingCommands } from "./sharing-commands.js";
import { userCommands } from "./user-commands.js";

export const authGroup: CommandGroup = {
  word: "auth",
  summary: `Makes an operator, accounts and users, their credential files, and the configuration of a server that trusts them.
JWTs and seeds are kept in a folder; whoever can read its keys can make users.`,
  options: FOLDER_OPTIONS,
  commands: [
    ...operatorCommands,
    ...accountCommands,
    ...userCommands,
    ...sharingCommands,
    serverConfigCommand,
    pushCommand,
    ...secretCommands,
  ],
};
