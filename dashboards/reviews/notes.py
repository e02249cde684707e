"""What somebody may say of a month of a control chart: there is no free text, as it could name a patient."""

from typing import get_args

from outcomes.site_files import Annotation

KINDS: tuple[str, ...] = get_args(Annotation.model_fields["kind"].annotation)
REASONS = (
    "new_pathway",
    "new_implant",
    "new_team",
    "new_record_system",
    "new_coding",
    "new_way_of_asking",
    "other_see_minutes",
)
