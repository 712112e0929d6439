-- The sample view `case_events_flattened` of the Amazon Connect admin guide, "Cases data in the Connect Customer analytics data lake",
-- for DuckDB: one row per custom field of an event.
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
  t.cf.id AS custom_field_id,
  t.cf.field_name AS custom_field_name,
  CASE
    WHEN t.cf.string_value IS NOT NULL THEN 'string'
    WHEN t.cf.double_value IS NOT NULL THEN 'double'
    WHEN t.cf.timestamp_value IS NOT NULL THEN 'timestamp'
    WHEN t.cf.boolean_value IS NOT NULL THEN 'boolean'
    ELSE 'unknown'
  END AS custom_field_type,
  t.cf.string_value AS custom_field_string_value,
  t.cf.double_value AS custom_field_double_value,
  epoch_ms(t.cf.timestamp_value) AS custom_field_timestamp_value,
  t.cf.boolean_value AS custom_field_boolean_value
FROM case_events AS ce
CROSS JOIN UNNEST(ce.custom_fields) AS t(cf);
