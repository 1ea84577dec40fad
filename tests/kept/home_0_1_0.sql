BEGIN TRANSACTION;
CREATE TABLE alert (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	fingerprint TEXT NOT NULL, 
	source TEXT NOT NULL, 
	rule TEXT NOT NULL, 
	state TEXT NOT NULL, 
	severity SMALLINT NOT NULL, 
	shadow BOOLEAN NOT NULL, 
	watched BOOLEAN NOT NULL, 
	pending_at BIGINT, 
	opened_at BIGINT, 
	resolved_at BIGINT, 
	data TEXT NOT NULL
);
INSERT INTO "alert" VALUES(1,'gone_file/source-down','gone_file','source-down','open',1,0,1,1795608000,1795608000,NULL,'{"fingerprint":"gone_file/source-down","source":"gone_file","rule":"source-down","label":"","id":1,"state":"open","severity":1,"shadow":false,"pending_at":1795608000,"opened_at":1795608000,"resolved_at":null,"resolved_steady":null,"first_bad_slot":1795608000,"last_bad_slot":1795608300,"first_good_slot":null,"run_since":1795608000,"evaluated_slot":1795608300,"bad_run":2,"good_run":0,"bad_total":2,"value":3,"limit":3.0,"worst":3,"reason":"down","bad_reason":"down","resolve_reason":"","numbers":{"metric":"status","op":"==","for":1,"recover_after":2},"history":3,"flapping":false,"suppressed_by":"","reopened":0,"clock_s":0.0,"mark":1795608000.0,"ladders":[{"name":"default","steps":[{"after_s":0,"notify":["log","hook"],"severity":1}],"repeat_s":null,"ack_timeout_s":14400,"route":1,"step":1,"told_s":0.0}],"ack":null,"first_acked_at":null,"snooze":null,"told":["log","hook"],"told_before":[],"held":[],"group_key":"source-down, stats","thread":"group-20261125T120000Z-fbabff8e","flushed":1795608000.0}');
INSERT INTO "alert" VALUES(2,'acked_file/source-down','acked_file','source-down','open',1,0,1,1795608000,1795608000,NULL,'{"fingerprint":"acked_file/source-down","source":"acked_file","rule":"source-down","label":"","id":2,"state":"open","severity":1,"shadow":false,"pending_at":1795608000,"opened_at":1795608000,"resolved_at":null,"resolved_steady":null,"first_bad_slot":1795608000,"last_bad_slot":1795608300,"first_good_slot":null,"run_since":1795608000,"evaluated_slot":1795608300,"bad_run":2,"good_run":0,"bad_total":2,"value":3,"limit":3.0,"worst":3,"reason":"down","bad_reason":"down","resolve_reason":"","numbers":{"metric":"status","op":"==","for":1,"recover_after":2},"history":3,"flapping":false,"suppressed_by":"","reopened":0,"clock_s":0.0,"mark":1795622400.0,"ladders":[{"name":"default","steps":[{"after_s":0,"notify":["log","hook"],"severity":1}],"repeat_s":null,"ack_timeout_s":14400,"route":1,"step":1,"told_s":0.0}],"ack":{"by":"ann","at":1795608000,"until":1795622400.0,"ends_at":1795622400,"note":"the provider knows"},"first_acked_at":1795608000,"snooze":null,"told":["log","hook"],"told_before":[],"held":[],"group_key":"source-down, stats","thread":"group-20261125T120000Z-fbabff8e","flushed":1795608000.0}');
INSERT INTO "alert" VALUES(3,'snoozed_file/source-down','snoozed_file','source-down','open',1,0,1,1795608000,1795608000,NULL,'{"fingerprint":"snoozed_file/source-down","source":"snoozed_file","rule":"source-down","label":"","id":3,"state":"open","severity":1,"shadow":false,"pending_at":1795608000,"opened_at":1795608000,"resolved_at":null,"resolved_steady":null,"first_bad_slot":1795608000,"last_bad_slot":1795608300,"first_good_slot":null,"run_since":1795608000,"evaluated_slot":1795608300,"bad_run":2,"good_run":0,"bad_total":2,"value":3,"limit":3.0,"worst":3,"reason":"down","bad_reason":"down","resolve_reason":"","numbers":{"metric":"status","op":"==","for":1,"recover_after":2},"history":3,"flapping":false,"suppressed_by":"","reopened":0,"clock_s":0.0,"mark":1795615200.0,"ladders":[{"name":"default","steps":[{"after_s":0,"notify":["log","hook"],"severity":1}],"repeat_s":null,"ack_timeout_s":14400,"route":1,"step":1,"told_s":0.0}],"ack":null,"first_acked_at":null,"snooze":{"by":"ann","at":1795608000,"until":1795615200.0,"ends_at":1795615200,"note":""},"told":["log","hook"],"told_before":[],"held":[],"group_key":"source-down, stats","thread":"group-20261125T120000Z-fbabff8e","flushed":1795608000.0}');
CREATE TABLE alert_transition (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	alert_id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	event TEXT NOT NULL, 
	from_state TEXT, 
	to_state TEXT NOT NULL, 
	severity SMALLINT NOT NULL, 
	step INTEGER NOT NULL, 
	slot BIGINT, 
	actor TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	notify TEXT NOT NULL, 
	numbers TEXT NOT NULL, 
	considered TEXT NOT NULL, 
	CONSTRAINT fk_alert_transition_alert_id FOREIGN KEY(alert_id) REFERENCES alert (id) ON DELETE CASCADE
);
INSERT INTO "alert_transition" VALUES(1,1,1795608000,'opened',NULL,'open',1,1,1795608000,'','down','["log", "hook"]','{"value": 3, "limit": 3.0, "shadow": false, "first_bad_slot": 1795608000}','[{"number": 1, "select": "everything", "matched": true, "reason": "matches -> default; stop"}]');
INSERT INTO "alert_transition" VALUES(2,2,1795608000,'opened',NULL,'open',1,1,1795608000,'','down','["log", "hook"]','{"value": 3, "limit": 3.0, "shadow": false, "first_bad_slot": 1795608000}','[{"number": 1, "select": "everything", "matched": true, "reason": "matches -> default; stop"}]');
INSERT INTO "alert_transition" VALUES(3,3,1795608000,'opened',NULL,'open',1,1,1795608000,'','down','["log", "hook"]','{"value": 3, "limit": 3.0, "shadow": false, "first_bad_slot": 1795608000}','[{"number": 1, "select": "everything", "matched": true, "reason": "matches -> default; stop"}]');
INSERT INTO "alert_transition" VALUES(4,2,1795608000,'acked','open','open',1,1,1795608000,'ann','acknowledged by ann: "the provider knows"; the clock stops for 4 h','["log", "hook"]','{"until": 1795622400, "note": "the provider knows"}','[]');
INSERT INTO "alert_transition" VALUES(5,3,1795608000,'snoozed','open','open',1,1,1795608000,'ann','snoozed by ann for 2 h','["log", "hook"]','{"until": 1795615200, "note": ""}','[]');
CREATE TABLE api_token (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name TEXT NOT NULL, 
	role TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by TEXT NOT NULL, 
	last_used_at BIGINT, 
	revoked_at BIGINT, 
	CONSTRAINT uq_api_token_digest UNIQUE (digest)
);
INSERT INTO "api_token" VALUES(1,'ann','admin','9a4f26e8453c48ffeb0bab17251fd0bd78ad3f0af1e4226cce845e69bae3bb7c',1795608000,'local',NULL,NULL);
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	actor TEXT NOT NULL, 
	action TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,1795608000,'local','token.create','ann','role admin');
INSERT INTO "audit" VALUES(2,1795608000,'ann','alert.ack','alert 2','the provider knows');
INSERT INTO "audit" VALUES(3,1795608000,'ann','alert.snooze','alert 3','for 2h');
CREATE TABLE baseline (
	source_id INTEGER NOT NULL, 
	slot BIGINT NOT NULL, 
	quality_at BIGINT NOT NULL, 
	written_at BIGINT NOT NULL, 
	verdict TEXT, 
	hot BLOB NOT NULL, 
	CONSTRAINT pk_baseline PRIMARY KEY (source_id), 
	CONSTRAINT fk_baseline_source_id FOREIGN KEY(source_id) REFERENCES source (id)
);
CREATE TABLE baseline_history (
	source_id INTEGER NOT NULL, 
	written_at BIGINT NOT NULL, 
	cold BLOB NOT NULL, 
	CONSTRAINT pk_baseline_history PRIMARY KEY (source_id), 
	CONSTRAINT fk_baseline_history_source_id FOREIGN KEY(source_id) REFERENCES source (id)
);
CREATE TABLE busta_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT busta_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "busta_alembic_version" VALUES('0006');
CREATE TABLE counter (
	name TEXT NOT NULL, 
	value FLOAT NOT NULL, 
	CONSTRAINT pk_counter PRIMARY KEY (name)
);
INSERT INTO "counter" VALUES('busta_checks_total{source="acked_file",result="down"}',2.0);
INSERT INTO "counter" VALUES('busta_checks_total{source="gone_file",result="down"}',2.0);
INSERT INTO "counter" VALUES('busta_checks_total{source="good_file",result="up"}',2.0);
INSERT INTO "counter" VALUES('busta_checks_total{source="nightly",result="unknown"}',1.0);
INSERT INTO "counter" VALUES('busta_checks_total{source="snoozed_file",result="down"}',2.0);
INSERT INTO "counter" VALUES('busta_ticks_total',2.0);
INSERT INTO "counter" VALUES('busta_notifications_total{channel="log",result="delivered"}',3.0);
INSERT INTO "counter" VALUES('busta_notifications_total{channel="hook",result="retry"}',2.0);
CREATE TABLE delivery_attempt (
	id INTEGER NOT NULL, 
	outbox_id INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	channel TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	CONSTRAINT pk_delivery_attempt PRIMARY KEY (id), 
	CONSTRAINT fk_delivery_attempt_outbox_id FOREIGN KEY(outbox_id) REFERENCES outbox (id) ON DELETE CASCADE
);
INSERT INTO "delivery_attempt" VALUES(1,2,1795608000.0,'log','delivered','accepted');
INSERT INTO "delivery_attempt" VALUES(2,1,1795608000.0,'hook','retry','127.0.0.1 cannot be reached: connection refused; attempt 2 of 12');
INSERT INTO "delivery_attempt" VALUES(3,4,1795608300.0,'log','delivered','accepted');
INSERT INTO "delivery_attempt" VALUES(4,6,1795608300.0,'log','delivered','accepted');
INSERT INTO "delivery_attempt" VALUES(5,1,1795608300.0,'hook','retry','127.0.0.1 cannot be reached: connection refused; attempt 3 of 12');
CREATE TABLE event_log (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	payload TEXT NOT NULL
);
INSERT INTO "event_log" VALUES(1,1795608000,'alerts','{"alerts":[1,2,3]}');
INSERT INTO "event_log" VALUES(2,1795608000,'alerts','{"alerts":[2]}');
INSERT INTO "event_log" VALUES(3,1795608000,'alerts','{"alerts":[3]}');
CREATE TABLE failing_row (
	id INTEGER NOT NULL, 
	source_id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	"check" TEXT NOT NULL, 
	"row" BIGINT NOT NULL, 
	"of" BIGINT NOT NULL, 
	keys TEXT NOT NULL, 
	shown TEXT NOT NULL, 
	CONSTRAINT pk_failing_row PRIMARY KEY (id), 
	CONSTRAINT fk_failing_row_source_id FOREIGN KEY(source_id) REFERENCES source (id)
);
CREATE TABLE heartbeat (
	source_id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	ok BOOLEAN NOT NULL, 
	items BIGINT, 
	message TEXT NOT NULL, 
	CONSTRAINT pk_heartbeat PRIMARY KEY (source_id), 
	CONSTRAINT fk_heartbeat_source_id FOREIGN KEY(source_id) REFERENCES source (id)
);
CREATE TABLE incident_note (
	id INTEGER NOT NULL, 
	incident TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	author TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_incident_note PRIMARY KEY (id)
);
CREATE TABLE maintenance_window (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name TEXT NOT NULL, 
	selector TEXT NOT NULL, 
	start TEXT NOT NULL, 
	zone TEXT NOT NULL, 
	duration_s BIGINT NOT NULL, 
	rrule TEXT, 
	exdates TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	"by" TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	removed_at BIGINT
);
CREATE TABLE manual_observation (
	id INTEGER NOT NULL, 
	source_id INTEGER NOT NULL, 
	slot BIGINT NOT NULL, 
	verdict SMALLINT NOT NULL, 
	response BIGINT, 
	items BIGINT, 
	data_age BIGINT, 
	trace BLOB NOT NULL, 
	CONSTRAINT pk_manual_observation PRIMARY KEY (id)
);
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_meta PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('counted_windows','[]');
INSERT INTO "meta" VALUES('steady_clock','{"at": 1795608300.0, "wall": 1795608300.0, "monotonic": 1300.0, "boot": "97cb9bd6-dbe9-423c-886a-92272ee5d2dd"}');
INSERT INTO "meta" VALUES('last_tick','{"started_at": 1795608300, "at": 1795608300, "duration_s": 0.0, "due": 4, "stored": 4, "config_sha": "252b4bf544d21245d9490f72de8a8a2cae3f1bd30d2e295b15c1d2c7af3f2636", "config_problem": null}');
INSERT INTO "meta" VALUES('channel:hook','{"breaker": {"failures": 2, "open_until": null, "trips": 0, "probing": false}, "quiet_until": 0.0, "quiet_reason": "", "at": 1795608300.0}');
CREATE TABLE observation (
	slot BIGINT NOT NULL, 
	source_id INTEGER NOT NULL, 
	verdict SMALLINT NOT NULL, 
	response BIGINT, 
	items BIGINT, 
	data_age BIGINT, 
	trace BLOB NOT NULL, 
	CONSTRAINT pk_observation PRIMARY KEY (slot, source_id)
)
 WITHOUT ROWID

;
INSERT INTO "observation" VALUES(1795608000,1,1,10,1,60,X'18000504');
INSERT INTO "observation" VALUES(1795608000,2,3,NULL,NULL,NULL,X'806000017468657265206973206E6F2066696C65202F746D702F683031302F646174612F676F6E652E637376');
INSERT INTO "observation" VALUES(1795608000,3,3,NULL,NULL,NULL,X'806000017468657265206973206E6F2066696C65202F746D702F683031302F646174612F61636B65642E637376');
INSERT INTO "observation" VALUES(1795608000,4,3,NULL,NULL,NULL,X'806000017468657265206973206E6F2066696C65202F746D702F683031302F646174612F736E6F6F7A65642E637376');
INSERT INTO "observation" VALUES(1795608000,5,0,NULL,NULL,NULL,X'806000026E6F206265617420686173206576657220617272697665643B2073656E64206F6E6520776974682060627573746120736F75726365732062656174206E696768746C7960');
INSERT INTO "observation" VALUES(1795608300,1,1,3,1,360,X'18000404');
INSERT INTO "observation" VALUES(1795608300,2,3,NULL,NULL,NULL,X'806000017468657265206973206E6F2066696C65202F746D702F683031302F646174612F676F6E652E637376');
INSERT INTO "observation" VALUES(1795608300,3,3,NULL,NULL,NULL,X'806000017468657265206973206E6F2066696C65202F746D702F683031302F646174612F61636B65642E637376');
INSERT INTO "observation" VALUES(1795608300,4,3,NULL,NULL,NULL,X'806000017468657265206973206E6F2066696C65202F746D702F683031302F646174612F736E6F6F7A65642E637376');
CREATE TABLE outbox (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	"key" TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	thread TEXT NOT NULL, 
	severity SMALLINT NOT NULL, 
	alert_ids TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	due_at FLOAT NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	owner TEXT, 
	lease_until FLOAT, 
	reason TEXT NOT NULL, 
	finished_at FLOAT, 
	receipt TEXT NOT NULL, 
	CONSTRAINT uq_outbox_key UNIQUE ("key")
);
INSERT INTO "outbox" VALUES(1,'busta_9cdb4555be694f01f10450ff2cb84b72','hook','opened','group-20261125T120000Z-fbabff8e',1,'[2, 1, 3]','{"kind": "opened", "at": 1795608000, "alert": null, "source": null, "rule": null, "verdict": null, "group": {"key": "group-20261125T120000Z-fbabff8e", "members": [{"alert_id": 2, "source": "acked_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/acked.csv", "open": true}, {"alert_id": 1, "source": "gone_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/gone.csv", "open": true}, {"alert_id": 3, "source": "snoozed_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/snoozed.csv", "open": true}], "fleet": 5, "since": 1795608000, "storm": false, "severity": 1, "acked": null, "next": null}, "report": null, "incident": null, "reason": "3 alerts of one group in one pass: source-down, stats", "text": "", "do": "", "also": [], "instead": [], "told": [], "recovered": true, "drill": false, "base_url": "http://monitor.example"}',1795608000.0,1.79560832154809713358e+09,'waiting',2,NULL,NULL,'127.0.0.1 cannot be reached: connection refused; attempt 3 of 12',NULL,'{}');
INSERT INTO "outbox" VALUES(2,'busta_950348b2d2a750fd962ed07590aded6d','log','opened','group-20261125T120000Z-fbabff8e',1,'[2, 1, 3]','{"kind": "opened", "at": 1795608000, "alert": null, "source": null, "rule": null, "verdict": null, "group": {"key": "group-20261125T120000Z-fbabff8e", "members": [{"alert_id": 2, "source": "acked_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/acked.csv", "open": true}, {"alert_id": 1, "source": "gone_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/gone.csv", "open": true}, {"alert_id": 3, "source": "snoozed_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/snoozed.csv", "open": true}], "fleet": 5, "since": 1795608000, "storm": false, "severity": 1, "acked": null, "next": null}, "report": null, "incident": null, "reason": "3 alerts of one group in one pass: source-down, stats", "text": "", "do": "", "also": [], "instead": [], "told": [], "recovered": true, "drill": false, "base_url": "http://monitor.example"}',1795608000.0,1795608000.0,'done',1,'vm:11008:d6d140b5',1795608060.0,'accepted',1795608000.0,'{}');
INSERT INTO "outbox" VALUES(3,'busta_88b232de12106fb8db9f6dce2ab32bb1','hook','acked','group-20261125T120000Z-fbabff8e',1,'[2]','{"kind": "acked", "at": 1795608000, "alert": null, "source": null, "rule": null, "verdict": null, "group": {"key": "group-20261125T120000Z-fbabff8e", "members": [{"alert_id": 2, "source": "acked_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/acked.csv", "open": true}, {"alert_id": 1, "source": "gone_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/gone.csv", "open": true}, {"alert_id": 3, "source": "snoozed_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/snoozed.csv", "open": true}], "fleet": 5, "since": 1795608000, "storm": false, "severity": 1, "acked": null, "next": null}, "report": null, "incident": null, "reason": "acknowledged by ann: \"the provider knows\"; the clock stops for 4 h", "text": "", "do": "", "also": [], "instead": [], "told": [], "recovered": true, "drill": false, "base_url": "http://monitor.example"}',1795608000.0,1795608000.0,'waiting',0,NULL,NULL,'',NULL,'{}');
INSERT INTO "outbox" VALUES(4,'busta_b037a69b11d064a15241c53642b62075','log','acked','group-20261125T120000Z-fbabff8e',1,'[2]','{"kind": "acked", "at": 1795608000, "alert": null, "source": null, "rule": null, "verdict": null, "group": {"key": "group-20261125T120000Z-fbabff8e", "members": [{"alert_id": 2, "source": "acked_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/acked.csv", "open": true}, {"alert_id": 1, "source": "gone_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/gone.csv", "open": true}, {"alert_id": 3, "source": "snoozed_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/snoozed.csv", "open": true}], "fleet": 5, "since": 1795608000, "storm": false, "severity": 1, "acked": null, "next": null}, "report": null, "incident": null, "reason": "acknowledged by ann: \"the provider knows\"; the clock stops for 4 h", "text": "", "do": "", "also": [], "instead": [], "told": [], "recovered": true, "drill": false, "base_url": "http://monitor.example"}',1795608000.0,1795608000.0,'done',1,'vm:11008:70103205',1795608360.0,'accepted',1795608300.0,'{}');
INSERT INTO "outbox" VALUES(5,'busta_d9b0930b621590c4bf36dcbe63b947f4','hook','snoozed','group-20261125T120000Z-fbabff8e',1,'[3]','{"kind": "snoozed", "at": 1795608000, "alert": null, "source": null, "rule": null, "verdict": null, "group": {"key": "group-20261125T120000Z-fbabff8e", "members": [{"alert_id": 2, "source": "acked_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/acked.csv", "open": true}, {"alert_id": 1, "source": "gone_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/gone.csv", "open": true}, {"alert_id": 3, "source": "snoozed_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/snoozed.csv", "open": true}], "fleet": 5, "since": 1795608000, "storm": false, "severity": 1, "acked": null, "next": null}, "report": null, "incident": null, "reason": "snoozed by ann for 2 h", "text": "", "do": "", "also": [], "instead": [], "told": [], "recovered": true, "drill": false, "base_url": "http://monitor.example"}',1795608000.0,1795608000.0,'waiting',0,NULL,NULL,'',NULL,'{}');
INSERT INTO "outbox" VALUES(6,'busta_639433307151e203978d86659fe2aeb8','log','snoozed','group-20261125T120000Z-fbabff8e',1,'[3]','{"kind": "snoozed", "at": 1795608000, "alert": null, "source": null, "rule": null, "verdict": null, "group": {"key": "group-20261125T120000Z-fbabff8e", "members": [{"alert_id": 2, "source": "acked_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/acked.csv", "open": true}, {"alert_id": 1, "source": "gone_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/gone.csv", "open": true}, {"alert_id": 3, "source": "snoozed_file", "tier": 2, "status": 3, "severity": 1, "rule": "source-down", "reason": "there is no file /tmp/h010/data/snoozed.csv", "open": true}], "fleet": 5, "since": 1795608000, "storm": false, "severity": 1, "acked": null, "next": null}, "report": null, "incident": null, "reason": "snoozed by ann for 2 h", "text": "", "do": "", "also": [], "instead": [], "told": [], "recovered": true, "drill": false, "base_url": "http://monitor.example"}',1795608000.0,1795608000.0,'done',1,'vm:11008:70103205',1795608360.0,'accepted',1795608300.0,'{}');
CREATE TABLE pass_lease (
	name TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	until FLOAT NOT NULL, 
	CONSTRAINT pk_pass_lease PRIMARY KEY (name)
);
CREATE TABLE quality_checks (
	result_id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	detail BLOB NOT NULL, 
	CONSTRAINT pk_quality_checks PRIMARY KEY (result_id), 
	CONSTRAINT fk_quality_checks_result_id FOREIGN KEY(result_id) REFERENCES quality_result (id) ON DELETE CASCADE
);
CREATE TABLE quality_result (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	source_id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	data_at BIGINT NOT NULL, 
	suite TEXT NOT NULL, 
	score FLOAT, 
	raw FLOAT, 
	half_width FLOAT, 
	coverage FLOAT NOT NULL, 
	provisional BOOLEAN NOT NULL, 
	rows BIGINT NOT NULL, 
	total_rows BIGINT, 
	reason TEXT NOT NULL, 
	dimensions TEXT NOT NULL, 
	CONSTRAINT fk_quality_result_source_id FOREIGN KEY(source_id) REFERENCES source (id)
);
CREATE TABLE reason (
	id INTEGER NOT NULL, 
	code TEXT NOT NULL, 
	CONSTRAINT pk_reason PRIMARY KEY (id), 
	CONSTRAINT uq_reason_code UNIQUE (code)
);
INSERT INTO "reason" VALUES(1,'missing');
INSERT INTO "reason" VALUES(2,'not_beaten');
CREATE TABLE report (
	name TEXT NOT NULL, 
	period TEXT NOT NULL, 
	since BIGINT NOT NULL, 
	until BIGINT NOT NULL, 
	written_at BIGINT NOT NULL, 
	sent_at BIGINT, 
	headline TEXT NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_report PRIMARY KEY (name, period)
);
CREATE TABLE reported (
	source_id INTEGER NOT NULL, 
	outcomes TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	CONSTRAINT pk_reported PRIMARY KEY (source_id), 
	CONSTRAINT fk_reported_source_id FOREIGN KEY(source_id) REFERENCES source (id)
);
CREATE TABLE rollup_day (
	day BIGINT NOT NULL, 
	source_id INTEGER NOT NULL, 
	total BLOB NOT NULL, 
	CONSTRAINT pk_rollup_day PRIMARY KEY (day, source_id)
)
 WITHOUT ROWID

;
INSERT INTO "rollup_day" VALUES(1795564800,1,X'00');
INSERT INTO "rollup_day" VALUES(1795564800,2,X'00');
INSERT INTO "rollup_day" VALUES(1795564800,3,X'00');
INSERT INTO "rollup_day" VALUES(1795564800,4,X'00');
INSERT INTO "rollup_day" VALUES(1795564800,5,X'00');
CREATE TABLE rollup_hour (
	hour BIGINT NOT NULL, 
	source_id INTEGER NOT NULL, 
	total BLOB NOT NULL, 
	CONSTRAINT pk_rollup_hour PRIMARY KEY (hour, source_id)
)
 WITHOUT ROWID

;
INSERT INTO "rollup_hour" VALUES(1795608000,1,X'0F020D02020103090101');
INSERT INTO "rollup_hour" VALUES(1795608000,2,X'2002');
INSERT INTO "rollup_hour" VALUES(1795608000,3,X'2002');
INSERT INTO "rollup_hour" VALUES(1795608000,4,X'2002');
INSERT INTO "rollup_hour" VALUES(1795608000,5,X'800401');
CREATE TABLE rule_window (
	source_id INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	CONSTRAINT pk_rule_window PRIMARY KEY (source_id), 
	CONSTRAINT fk_rule_window_source_id FOREIGN KEY(source_id) REFERENCES source (id)
);
INSERT INTO "rule_window" VALUES(1,'{"sig":"2|300|0|Needs(series=(), rates=(), burn=False, flapping=False)","at":[1795608300,1795608300,1795608000,1795608300,0,0,0,2,0,6063,0],"values":[1,0.3,1,360.0,null,0.0,null,1,4],"score":null,"series":{},"rates":{},"burn":null,"flaps":null}');
INSERT INTO "rule_window" VALUES(2,'{"sig":"2|300|0|Needs(series=(), rates=(), burn=False, flapping=False)","at":[1795608300,1795608300,1795608000,1795608300,1795608300,0,0,0,0,5793,0],"values":[3,null,null,null,null,100.0,null,1,null],"score":null,"series":{},"rates":{},"burn":null,"flaps":null}');
INSERT INTO "rule_window" VALUES(3,'{"sig":"2|300|0|Needs(series=(), rates=(), burn=False, flapping=False)","at":[1795608300,1795608300,1795608000,1795608300,1795608300,0,0,0,0,5793,0],"values":[3,null,null,null,null,100.0,null,1,null],"score":null,"series":{},"rates":{},"burn":null,"flaps":null}');
INSERT INTO "rule_window" VALUES(4,'{"sig":"2|300|0|Needs(series=(), rates=(), burn=False, flapping=False)","at":[1795608300,1795608300,1795608000,1795608300,1795608300,0,0,0,0,5793,0],"values":[3,null,null,null,null,100.0,null,1,null],"score":null,"series":{},"rates":{},"burn":null,"flaps":null}');
INSERT INTO "rule_window" VALUES(5,'{"sig":"2|3600|0|Needs(series=(), rates=(), burn=False, flapping=False)","at":[1795608000,1795608000,1795608000,0,0,0,0,0,0,1536,0],"values":[0,null,null,null,null,null,null,1,null],"score":null,"series":{},"rates":{},"burn":null,"flaps":null}');
CREATE TABLE sample (
	source_id INTEGER NOT NULL, 
	taken_at BIGINT NOT NULL, 
	total_rows BIGINT NOT NULL, 
	truncated BOOLEAN NOT NULL, 
	rows BLOB NOT NULL, 
	CONSTRAINT pk_sample PRIMARY KEY (source_id), 
	CONSTRAINT fk_sample_source_id FOREIGN KEY(source_id) REFERENCES source (id)
);
CREATE TABLE schema_snapshot (
	source_id INTEGER NOT NULL, 
	shape TEXT NOT NULL, 
	learned_at BIGINT NOT NULL, 
	seen INTEGER NOT NULL, 
	drifting_since BIGINT, 
	CONSTRAINT pk_schema_snapshot PRIMARY KEY (source_id), 
	CONSTRAINT fk_schema_snapshot_source_id FOREIGN KEY(source_id) REFERENCES source (id)
);
CREATE TABLE session (
	digest TEXT NOT NULL, 
	name TEXT NOT NULL, 
	role TEXT NOT NULL, 
	csrf TEXT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	token_id INTEGER NOT NULL, 
	CONSTRAINT pk_session PRIMARY KEY (digest), 
	CONSTRAINT fk_session_token_id FOREIGN KEY(token_id) REFERENCES api_token (id) ON DELETE CASCADE
);
CREATE TABLE source (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	type TEXT NOT NULL, 
	interval_s INTEGER NOT NULL, 
	origin TEXT NOT NULL, 
	added_at BIGINT NOT NULL, 
	removed_at BIGINT, 
	CONSTRAINT pk_source PRIMARY KEY (id), 
	CONSTRAINT uq_source_name UNIQUE (name)
);
INSERT INTO "source" VALUES(1,'good_file','stats',300,'config',1795608000,NULL);
INSERT INTO "source" VALUES(2,'gone_file','stats',300,'config',1795608000,NULL);
INSERT INTO "source" VALUES(3,'acked_file','stats',300,'config',1795608000,NULL);
INSERT INTO "source" VALUES(4,'snoozed_file','stats',300,'config',1795608000,NULL);
INSERT INTO "source" VALUES(5,'nightly','features',3600,'config',1795608000,NULL);
CREATE TABLE source_state (
	source_id INTEGER NOT NULL, 
	status SMALLINT NOT NULL, 
	since BIGINT NOT NULL, 
	slot BIGINT NOT NULL, 
	observed_at BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	response_ms FLOAT, 
	items BIGINT, 
	data_age_s FLOAT, 
	attempts INTEGER NOT NULL, 
	http_status INTEGER, 
	tls_days_left FLOAT, 
	phases TEXT, 
	facts TEXT NOT NULL, 
	quality FLOAT, 
	quality_at BIGINT, 
	evaluated_slot BIGINT NOT NULL, 
	not_before BIGINT NOT NULL, 
	first_slot BIGINT, 
	last_slot BIGINT, 
	CONSTRAINT pk_source_state PRIMARY KEY (source_id), 
	CONSTRAINT fk_source_state_source_id FOREIGN KEY(source_id) REFERENCES source (id)
);
INSERT INTO "source_state" VALUES(1,1,1795608000,1795608300,1795608300,'ok','good.csv, 1 row, 6 min old',2.87216998913208954036e-01,1,360.0,1,NULL,NULL,'{"first_byte": 0.1, "body": 0.19}','{"file": "good.csv", "bytes": 4, "format": "csv", "columns": ["a"]}',NULL,NULL,1795608300,0,1795608000,1795608300);
INSERT INTO "source_state" VALUES(2,3,1795608000,1795608300,1795608300,'missing','there is no file /tmp/h010/data/gone.csv',NULL,NULL,NULL,1,NULL,NULL,NULL,'{}',NULL,NULL,1795608300,0,1795608000,1795608300);
INSERT INTO "source_state" VALUES(3,3,1795608000,1795608300,1795608300,'missing','there is no file /tmp/h010/data/acked.csv',NULL,NULL,NULL,1,NULL,NULL,NULL,'{}',NULL,NULL,1795608300,0,1795608000,1795608300);
INSERT INTO "source_state" VALUES(4,3,1795608000,1795608300,1795608300,'missing','there is no file /tmp/h010/data/snoozed.csv',NULL,NULL,NULL,1,NULL,NULL,NULL,'{}',NULL,NULL,1795608300,0,1795608000,1795608300);
INSERT INTO "source_state" VALUES(5,0,1795608000,1795608000,1795608000,'not_beaten','no beat has ever arrived; send one with `busta sources beat nightly`',NULL,NULL,NULL,1,NULL,NULL,NULL,'{}',NULL,NULL,1795608000,0,1795608000,1795608000);
CREATE TABLE suppression (
	id INTEGER NOT NULL, 
	alert_id INTEGER, 
	fingerprint TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	channel TEXT NOT NULL, 
	event TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	CONSTRAINT pk_suppression PRIMARY KEY (id), 
	CONSTRAINT fk_suppression_alert_id FOREIGN KEY(alert_id) REFERENCES alert (id) ON DELETE CASCADE
);
CREATE INDEX ix_manual_observation_slot ON manual_observation (slot);
CREATE INDEX ix_event_log_at ON event_log (at);
CREATE UNIQUE INDEX uq_alert_active ON alert (fingerprint) WHERE state IN ('pending', 'open');
CREATE INDEX ix_alert_watched ON alert (id) WHERE watched;
CREATE INDEX ix_alert_fingerprint ON alert (fingerprint);
CREATE INDEX ix_alert_opened_at ON alert (opened_at);
CREATE INDEX ix_alert_resolved_at ON alert (resolved_at);
CREATE INDEX ix_alert_transition_alert_id ON alert_transition (alert_id);
CREATE INDEX ix_alert_transition_at ON alert_transition (at);
CREATE INDEX ix_suppression_alert_id ON suppression (alert_id);
CREATE INDEX ix_suppression_at ON suppression (at);
CREATE INDEX ix_outbox_unsent ON outbox (due_at) WHERE state IN ('waiting', 'sending');
CREATE INDEX ix_outbox_thread_channel ON outbox (thread, channel);
CREATE INDEX ix_outbox_finished_at ON outbox (finished_at);
CREATE INDEX ix_delivery_attempt_outbox_id ON delivery_attempt (outbox_id);
CREATE INDEX ix_delivery_attempt_channel_at ON delivery_attempt (channel, at);
CREATE INDEX ix_audit_at ON audit (at);
CREATE INDEX ix_incident_note_incident ON incident_note (incident);
CREATE INDEX ix_quality_result_source_id_id ON quality_result (source_id, id);
CREATE INDEX ix_quality_result_at ON quality_result (at);
CREATE INDEX ix_quality_checks_at ON quality_checks (at);
CREATE INDEX ix_failing_row_source_id ON failing_row (source_id);
CREATE INDEX ix_failing_row_at ON failing_row (at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('alert',3);
INSERT INTO "sqlite_sequence" VALUES('alert_transition',5);
INSERT INTO "sqlite_sequence" VALUES('outbox',6);
INSERT INTO "sqlite_sequence" VALUES('event_log',3);
INSERT INTO "sqlite_sequence" VALUES('api_token',1);
COMMIT;
