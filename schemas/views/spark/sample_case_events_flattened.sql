-- The sample view `case_events_flattened` of the Amazon Connect admin guide, "Cases data in the Connect Customer analytics data lake",
-- for Spark 3.4 or later: one row per custom field of an event.
-- Times have no zone in the lake, so the session's zone has no say in this one either.
CREATE OR REPLACE VIEW sample_case_events_flattened AS
SELECT
  ce.event_id,
  ce.case_id,
  ce.event_timestamp,
  ce.event_type,
  ce.instance_id,
  ce.aws_account_id,
  ce.cases_domain_arn,
  ce.template_id,
  ce.template_name,
  ce.status,
  cf.id AS custom_field_id,
  cf.field_name AS custom_field_name,
  CASE
    WHEN cf.string_value IS NOT NULL THEN 'string'
    WHEN cf.double_value IS NOT NULL THEN 'double'
    WHEN cf.timestamp_value IS NOT NULL THEN 'timestamp'
    WHEN cf.boolean_value IS NOT NULL THEN 'boolean'
    ELSE 'unknown'
  END AS custom_field_type,
  cf.string_value AS custom_field_string_value,
  cf.double_value AS custom_field_double_value,
  TIMESTAMP_NTZ '1970-01-01 00:00:00'
    + make_dt_interval(0, 0, 0, CAST(cf.timestamp_value AS DECIMAL(18, 3)) / 1000) AS custom_field_timestamp_value,
  cf.boolean_value AS custom_field_boolean_value
FROM case_events AS ce
LATERAL VIEW explode(ce.custom_fields) AS cf;
