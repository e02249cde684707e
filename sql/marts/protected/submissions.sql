/*
title: Submissions
grain: one row per attempt of a site to deliver a period
key: [site_id, period, attempt]
needs: [submissions]
columns:
  site_id: the site
  period: the month delivered, YYYY-MM
  attempt: {description: 1 = the first attempt for this site and period, unit: none}
  kind:
    description: "full replaces all that the site sent before, incremental adds; null when the manifest was unreadable"
    enum: [full, incremental]
  status: {description: what became of it, enum: [accepted, refused, superseded]}
  code: {description: "why it was refused; null otherwise", enum: refusals}
  rows_in: {description: rows delivered, unit: rows}
  rows_accepted: {description: rows that entered the lake, unit: rows}
  rows_quarantined: {description: rows kept out, unit: rows}
  is_conserved: rows delivered are rows accepted plus rows quarantined
  is_suppressed: some counts are hidden to protect patients (neither zero nor missing)
*/
select
    site_id,
    period,
    attempt,
    kind,
    status,
    code,
    rows_in,
    rows_accepted,
    rows_quarantined,
    rows_in = rows_accepted + rows_quarantined as is_conserved
from submissions
order by site_id, period, attempt
