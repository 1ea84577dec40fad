// The status page renews itself once a minute; it opens no stream, so that anyone may leave it open.
import { renew } from "./renew.js";

setInterval(() => { if (!document.hidden) renew().catch(() => {}); }, 60000);
