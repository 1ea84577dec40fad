// The page without a reload: server-rendered all along, renewed when the monitor says so.
import { startClock } from "./clock.js";
import { startActions } from "./actions.js";
import { startFilter } from "./filter.js";
import { startFocus } from "./focus.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { startMaintenance } from "./maintenance.js";
import { startTheme } from "./theme-button.js";
import { startTips } from "./tips.js";

startTheme();
startClock();
startFilter();
startFocus();
startKeys();
startTips();
startActions();
startMaintenance();
startLive();
