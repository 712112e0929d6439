-- The sample view `latest_case_state` of the Amazon Connect admin guide, "Cases data in the Connect Customer analytics data lake",
-- for Athena (engine 3) and Trino: the latest event of each case. Its order is not total in the sample: two events of a millisecond are
-- told apart here by when the case was changed last, then by id.
CREATE OR REPLACE VIEW sample_latest_case_state AS
SELECT *
FROM (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY case_id, instance_id
      ORDER BY event_timestamp DESC NULLS LAST, last_updated_timestamp DESC NULLS LAST, event_id DESC
    ) AS rn
  FROM case_events
) AS t
WHERE rn = 1;
