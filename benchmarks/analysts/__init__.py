"""The three headline labels as an analyst would write them by hand, from the definitions and code lists alone.

Each module reads the same CSV files, one per contract table over all sites and `delivered_tables.csv`, and gives
site_id, patient_id, label and status of every episode. Reasons, onsets, values and evidence are left out: nothing is
worked out that the answers do not need.
"""

LABELS = ("pain_past_3_months", "suspected_asd", "revision_performed")

COLUMNS: dict[str, tuple[str, ...]] = {
    "patients": ("index_period", "data_cut_day", "last_contact_day", "death_day"),
    "encounters": ("encounter_id", "start_day", "end_day", "type"),
    "procedures": ("encounter_id", "day", "code_system", "code", "modifier", "levels", "planned_stage"),
    "diagnoses": ("encounter_id", "day", "code_system", "code"),
    "follow_ups": (
        "day",
        "neck_pain_nrs",
        "arm_pain_nrs",
        "ndi_total",
        "ndi_unit",
        *(f"ndi_item_{i}" for i in range(1, 11)),
        "mjoa_total",
        "mjoa_upper_motor",
        "mjoa_lower_motor",
        "mjoa_sensory",
        "mjoa_sphincter",
        "radiating_pain",
        "numbness",
        "mrc_grade_min",
        "neck_rotation_deg",
        "occipital_headache",
    ),
    "imaging": ("day", "level", "finding", "value", "unit"),
    "treatments": ("start_day",),
}
"""What the three labels read of each table, beside the keys of site and patient."""

FLAGS = (
    "red_flag_radiating_pain",
    "red_flag_numbness",
    "red_flag_weakness",
    "red_flag_limited_motion",
    "red_flag_headache",
)
HARDWARE = ("hardware_removal", "hardware_removal_region_unknown", "fixation_revision")
"""Groups of revision codes that treat no joint."""
FINDINGS = ("degeneration", "disc_herniation", "stenosis")
NDI_ITEMS = tuple(f"ndi_item_{i}" for i in range(1, 11))
MJOA_DOMAINS = ("mjoa_upper_motor", "mjoa_lower_motor", "mjoa_sensory", "mjoa_sphincter")
