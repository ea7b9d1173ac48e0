BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'one');
INSERT INTO "studies" VALUES(2,'two');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MINIMIZE',1,0);
INSERT INTO "study_directions" VALUES(2,'MINIMIZE',2,0);
INSERT INTO "study_directions" VALUES(3,'MAXIMIZE',2,1);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'who','"me"');
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,1,0,2.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,1,3.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,2,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(4,2,0,3.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,1,4.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,2,2,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(7,3,0,19.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,3,1,20.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,3,2,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(10,4,0,18.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,4,1,19.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,4,2,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(13,5,0,1.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,5,1,2.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(15,5,2,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(16,6,0,20.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(17,6,1,21.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(18,6,2,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(19,7,0,1.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(20,7,1,2.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(21,7,2,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(22,8,0,5.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(23,8,1,6.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(24,8,2,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(25,9,0,-1.21381242792724464152e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(26,9,1,-2.13812427927244641523e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(27,9,2,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(28,10,0,27.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(29,10,1,28.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(30,10,2,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(31,11,0,3.68207261296637433645e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(32,11,1,4.68207261296637433645e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(33,11,2,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(34,12,0,2.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(35,12,1,3.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(36,12,2,NULL,'NAN');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'c',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b", null]}}');
INSERT INTO "trial_params" VALUES(2,1,'n',2.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 100}}');
INSERT INTO "trial_params" VALUES(3,2,'c',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b", null]}}');
INSERT INTO "trial_params" VALUES(4,2,'n',3.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 100}}');
INSERT INTO "trial_params" VALUES(5,3,'c',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b", null]}}');
INSERT INTO "trial_params" VALUES(6,3,'n',19.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 100}}');
INSERT INTO "trial_params" VALUES(7,4,'c',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b", null]}}');
INSERT INTO "trial_params" VALUES(8,4,'n',18.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 100}}');
INSERT INTO "trial_params" VALUES(9,5,'c',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b", null]}}');
INSERT INTO "trial_params" VALUES(10,5,'n',1.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 100}}');
INSERT INTO "trial_params" VALUES(11,6,'c',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b", null]}}');
INSERT INTO "trial_params" VALUES(12,6,'n',20.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 100}}');
INSERT INTO "trial_params" VALUES(13,7,'c',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b", null]}}');
INSERT INTO "trial_params" VALUES(14,7,'n',1.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 100}}');
INSERT INTO "trial_params" VALUES(15,8,'c',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b", null]}}');
INSERT INTO "trial_params" VALUES(16,8,'n',5.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 100}}');
INSERT INTO "trial_params" VALUES(17,9,'c',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b", null]}}');
INSERT INTO "trial_params" VALUES(18,9,'x',-1.21381242792724464152e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -5.0, "high": 7.0, "log": false}}');
INSERT INTO "trial_params" VALUES(19,10,'c',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b", null]}}');
INSERT INTO "trial_params" VALUES(20,10,'n',27.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 100}}');
INSERT INTO "trial_params" VALUES(21,11,'c',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b", null]}}');
INSERT INTO "trial_params" VALUES(22,11,'x',3.68207261296637433645e+00,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -5.0, "high": 6.0, "log": false}}');
INSERT INTO "trial_params" VALUES(23,12,'c',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b", null]}}');
INSERT INTO "trial_params" VALUES(24,12,'n',2.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 1, "high": 100}}');
INSERT INTO "trial_params" VALUES(25,15,'x',4.67552237393611958005e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(26,15,'y',1.0,'{"name": "FloatDistribution", "attributes": {"step": 0.25, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(27,16,'x',2.11673737334752143368e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(28,16,'y',1.0,'{"name": "FloatDistribution", "attributes": {"step": 0.25, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(29,17,'x',6.35348306591264067044e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(30,17,'y',0.75,'{"name": "FloatDistribution", "attributes": {"step": 0.25, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(31,18,'x',2.19351464862556300161e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(32,18,'y',0.25,'{"name": "FloatDistribution", "attributes": {"step": 0.25, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(33,19,'x',4.71355935330360575896e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(34,19,'y',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.25, "low": 0.0, "high": 1.0, "log": false}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'constraints:c0','-1.0');
INSERT INTO "trial_system_attributes" VALUES(2,2,'constraints:c0','0.0');
INSERT INTO "trial_system_attributes" VALUES(3,3,'constraints:c0','16.0');
INSERT INTO "trial_system_attributes" VALUES(4,4,'constraints:c0','15.0');
INSERT INTO "trial_system_attributes" VALUES(5,5,'constraints:c0','-2.0');
INSERT INTO "trial_system_attributes" VALUES(6,6,'constraints:c0','17.0');
INSERT INTO "trial_system_attributes" VALUES(7,7,'constraints:c0','-2.0');
INSERT INTO "trial_system_attributes" VALUES(8,8,'constraints:c0','2.0');
INSERT INTO "trial_system_attributes" VALUES(9,9,'constraints:c0','-4.213812427927245');
INSERT INTO "trial_system_attributes" VALUES(10,10,'constraints:c0','24.0');
INSERT INTO "trial_system_attributes" VALUES(11,11,'constraints:c0','0.6820726129663743');
INSERT INTO "trial_system_attributes" VALUES(12,12,'constraints:c0','-1.0');
INSERT INTO "trial_system_attributes" VALUES(13,13,'fixed_params','{"c": "a", "x": 1.0}');
INSERT INTO "trial_system_attributes" VALUES(14,14,'fixed_params','{"c": "a", "x": 2.0}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'k','[1, {"a": 2}]');
INSERT INTO "trial_user_attributes" VALUES(2,2,'k','[1, {"a": 2}]');
INSERT INTO "trial_user_attributes" VALUES(3,3,'k','[1, {"a": 2}]');
INSERT INTO "trial_user_attributes" VALUES(4,4,'k','[1, {"a": 2}]');
INSERT INTO "trial_user_attributes" VALUES(5,5,'k','[1, {"a": 2}]');
INSERT INTO "trial_user_attributes" VALUES(6,6,'k','[1, {"a": 2}]');
INSERT INTO "trial_user_attributes" VALUES(7,7,'k','[1, {"a": 2}]');
INSERT INTO "trial_user_attributes" VALUES(8,8,'k','[1, {"a": 2}]');
INSERT INTO "trial_user_attributes" VALUES(9,9,'k','[1, {"a": 2}]');
INSERT INTO "trial_user_attributes" VALUES(10,10,'k','[1, {"a": 2}]');
INSERT INTO "trial_user_attributes" VALUES(11,11,'k','[1, {"a": 2}]');
INSERT INTO "trial_user_attributes" VALUES(12,12,'k','[1, {"a": 2}]');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,4.0,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,9.0,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,361.0,'FINITE');
INSERT INTO "trial_values" VALUES(4,6,0,NULL,'INF_POS');
INSERT INTO "trial_values" VALUES(5,7,0,1.0,'FINITE');
INSERT INTO "trial_values" VALUES(6,8,0,25.0,'FINITE');
INSERT INTO "trial_values" VALUES(7,9,0,1.47334061019063256026e+00,'FINITE');
INSERT INTO "trial_values" VALUES(8,10,0,729.0,'FINITE');
INSERT INTO "trial_values" VALUES(9,11,0,1.35576587271570243582e+01,'FINITE');
INSERT INTO "trial_values" VALUES(10,12,0,4.0,'FINITE');
INSERT INTO "trial_values" VALUES(11,15,0,4.67552237393611958005e-01,'FINITE');
INSERT INTO "trial_values" VALUES(12,15,1,1.0,'FINITE');
INSERT INTO "trial_values" VALUES(13,16,0,2.11673737334752143368e-02,'FINITE');
INSERT INTO "trial_values" VALUES(14,16,1,1.0,'FINITE');
INSERT INTO "trial_values" VALUES(15,17,0,6.35348306591264067044e-01,'FINITE');
INSERT INTO "trial_values" VALUES(16,17,1,0.75,'FINITE');
INSERT INTO "trial_values" VALUES(17,18,0,2.19351464862556300161e-01,'FINITE');
INSERT INTO "trial_values" VALUES(18,18,1,0.25,'FINITE');
INSERT INTO "trial_values" VALUES(19,19,0,4.71355935330360575896e-01,'FINITE');
INSERT INTO "trial_values" VALUES(20,19,1,0.0,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-22 20:13:32.614274','2026-11-22 20:13:32.802380');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-22 20:13:32.829024','2026-11-22 20:13:32.996858');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-22 20:13:33.027183','2026-11-22 20:13:33.176894');
INSERT INTO "trials" VALUES(4,3,1,'PRUNED','2026-11-22 20:13:33.198367','2026-11-22 20:13:33.328816');
INSERT INTO "trials" VALUES(5,4,1,'FAIL','2026-11-22 20:13:33.352163','2026-11-22 20:13:33.516906');
INSERT INTO "trials" VALUES(6,5,1,'COMPLETE','2026-11-22 20:13:33.542722','2026-11-22 20:13:33.704981');
INSERT INTO "trials" VALUES(7,6,1,'COMPLETE','2026-11-22 20:13:33.721631','2026-11-22 20:13:33.857146');
INSERT INTO "trials" VALUES(8,7,1,'COMPLETE','2026-11-22 20:13:33.879917','2026-11-22 20:13:34.020596');
INSERT INTO "trials" VALUES(9,8,1,'COMPLETE','2026-11-22 20:13:34.041983','2026-11-22 20:13:34.189352');
INSERT INTO "trials" VALUES(10,9,1,'COMPLETE','2026-11-22 20:13:34.213984','2026-11-22 20:13:34.359010');
INSERT INTO "trials" VALUES(11,10,1,'COMPLETE','2026-11-22 20:13:34.369842','2026-11-22 20:13:34.524818');
INSERT INTO "trials" VALUES(12,11,1,'COMPLETE','2026-11-22 20:13:34.537392','2026-11-22 20:13:34.676839');
INSERT INTO "trials" VALUES(13,12,1,'RUNNING','2026-11-22 20:13:34.714890',NULL);
INSERT INTO "trials" VALUES(14,13,1,'WAITING',NULL,NULL);
INSERT INTO "trials" VALUES(15,0,2,'COMPLETE','2026-11-22 20:13:34.802480','2026-11-22 20:13:34.870177');
INSERT INTO "trials" VALUES(16,1,2,'COMPLETE','2026-11-22 20:13:34.893912','2026-11-22 20:13:34.953899');
INSERT INTO "trials" VALUES(17,2,2,'COMPLETE','2026-11-22 20:13:34.982195','2026-11-22 20:13:35.033658');
INSERT INTO "trials" VALUES(18,3,2,'COMPLETE','2026-11-22 20:13:35.053795','2026-11-22 20:13:35.121613');
INSERT INTO "trials" VALUES(19,4,2,'COMPLETE','2026-11-22 20:13:35.137657','2026-11-22 20:13:35.197645');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
COMMIT;
