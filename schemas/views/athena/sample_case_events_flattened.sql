-- The sample view `case_events_flattened` of the Amazon Connect admin guide, "Cases data in the Connect Customer analytics data lake",
-- for Athena (engine 3) and Trino: one row per custom field of an event.
-- These spread a struct over columns, by place: their names are those of the struct's members, in their order.
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
  CAST(from_unixtime(cf.timestamp_value / 1000.0) AS TIMESTAMP) AS custom_field_timestamp_value,
  cf.boolean_value AS custom_field_boolean_value
FROM case_events AS ce
CROSS JOIN UNNEST(ce.custom_fields) AS cf (id, field_name, string_value, double_value, boolean_value, timestamp_value);
