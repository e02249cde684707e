/*
title: Submissions
grain: one row per attempt of a site to deliver a period
key: [site_id, period, attempt]
needs: [submissions]
columns:
  site_id: the site
  period: the month delivered, YYYY-MM
  attempt: {description: 1 = the first attempt for this site and period, unit: none}
  submission_id: names the submission by its content
  kind:
    description: "full replaces all that the site sent before, incremental adds; null when the manifest was unreadable"
    enum: [full, incremental]
  deidentification_method:
    description: how the site de-identified the extract
    enum: [safe_harbor, expert_determination, limited_data_set]
  is_synthetic: "the site says that the patients are invented; false unless it does"
  status: {description: what became of it, enum: [accepted, refused, superseded]}
  code: {description: "why it was refused; null otherwise", enum: refusals}
  rows_in: {description: rows delivered, unit: rows}
  rows_accepted: {description: rows that entered the lake, unit: rows}
  rows_quarantined: {description: rows kept out, unit: rows}
*/
select
    site_id,
    period,
    attempt,
    submission_id,
    kind,
    deidentification_method,
    is_synthetic,
    status,
    code,
    rows_in,
    rows_accepted,
    rows_quarantined
from submissions
order by site_id, period, attempt
