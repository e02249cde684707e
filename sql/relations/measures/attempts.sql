/*
title: Attempts to deliver
grain: one row per attempt of a site to deliver a month
needs: [submissions]
columns:
  submission_period: the month delivered, YYYY-MM
*/
select
    site_id,
    period as submission_period,
    attempt, submission_id, kind, deidentification_method, is_synthetic, patients_without_index, status, code, rows_in,
    rows_accepted, rows_quarantined,
    coalesce(rows_pending, 0) as rows_pending
from submissions
