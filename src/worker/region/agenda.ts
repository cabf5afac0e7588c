/**
 * Which function does which due task, and what is said when its last attempt has failed.
 */
import { checkTask } from "./backup-check.ts";
import { createBackupTask, dailyBackupTask, giveUpBackup, sweepTask } from "./backup-tasks.ts";
import type { Agenda } from "./clockwork.ts";
import {
  createClusterTask,
  deleteClusterTask,
  giveUpInitialize,
  initializeClusterTask,
} from "./cluster-tasks.ts";
import { reportCluster, serveClusterTask } from "./duties.ts";
import { createHsmTask, giveUpCreation, rebuildHsmTask, reportFilling } from "./filling.ts";
import { deleteHsmTask, reportRemoval } from "./removal.ts";
import { endBackup, purge } from "./retention.ts";

export const AGENDA: Agenda = {
  cluster_create: { run: createClusterTask },
  cluster_initialize: { run: initializeClusterTask, giveUp: giveUpInitialize },
  cluster_delete: { run: deleteClusterTask },
  cluster_serve: { run: serveClusterTask, report: reportCluster },
  hsm_create: { run: createHsmTask, giveUp: giveUpCreation, report: reportFilling },
  hsm_rebuild: { run: rebuildHsmTask, report: reportFilling },
  hsm_delete: { run: deleteHsmTask, report: reportRemoval },
  backup_create: { run: createBackupTask, giveUp: giveUpBackup },
  backup_daily: { run: dailyBackupTask },
  backup_check: { run: checkTask },
  backup_delete: { run: endBackup },
  retention: { run: purge },
  sweep: { run: sweepTask },
};
