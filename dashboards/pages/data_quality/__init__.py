"""The data behind the numbers: submissions, rows that add up, broken rules, the cohort and its follow-up.

Each module makes the cards of one section.
"""

from dashboards.cards import Card
from dashboards.data import deliveries
from dashboards.data.measures import Site
from dashboards.pages.data_quality.blanked_cells import blanked
from dashboards.pages.data_quality.broken_rules import (
    history,
    not_applicable,
    over_time,
    own_history,
    quarantine,
    rules,
    rules_by_month,
    rules_now,
)
from dashboards.pages.data_quality.cohort import attrition, follow_up, own_attrition
from dashboards.pages.data_quality.resting_measures import resting, resting_by_site
from dashboards.pages.data_quality.submitted import attempts, by_site, refused, state, tables
from dashboards.pages.frame import Page, View

_MONTHS = 12
"""So many months of all sites are shown; of one's own site all are."""


def data_quality(view: View) -> Page:
    """The data quality of one's own site, exact, or of all sites as everybody may see it."""
    cards = _own(view, view.site) if view.site else _all_sites(view)
    return Page("Data quality", cards)


def _own(view: View, site: Site) -> list[Card]:
    submissions = deliveries.own_submissions(view.reader, site.site_id)
    failures = deliveries.own_rule_failures(view.reader, site.site_id)
    return [
        state(view.who, submissions),
        *refused(submissions, {}),
        *over_time(submissions, failures),
        *rules_now(submissions, failures),
        *own_history(deliveries.own_rule_history(view.reader, site.site_id), deliveries.rule_categories(view.reader)),
        resting(view, submissions, deliveries.own_failing_rules(view.reader, site.site_id)),
        *not_applicable(submissions, deliveries.own_rules_not_applicable(view.reader, site.site_id)),
        *quarantine(submissions, failures),
        blanked(view, submissions, deliveries.own_blanked_cells(view.reader, site.site_id)),
        *attempts(submissions),
        *tables(deliveries.own_tables(view.reader, site.site_id)),
        *follow_up(deliveries.completeness(view.reader, site.site_id)),
        own_attrition(deliveries.own_attrition(view.reader, site.site_id)),
    ]


def _all_sites(view: View) -> list[Card]:
    submissions = deliveries.submissions(view.reader)
    periods = sorted({one.submission_period for one in submissions if one.status != "refused"})[-_MONTHS:]
    broken = deliveries.broken_rules(view.reader, periods[0]) if periods else []
    return [
        state(view.who, submissions),
        *refused(submissions, view.sites),
        by_site(view, submissions, broken),
        *rules_by_month(submissions, broken, periods),
        *rules(broken, periods),
        *history(view, deliveries.rule_history(view.reader)),
        resting_by_site(view, submissions, deliveries.failing_rules(view.reader)),
        blanked(view, submissions, deliveries.blanked_cells(view.reader, periods[0]) if periods else []),
        attrition(deliveries.attrition(view.reader)),
    ]
