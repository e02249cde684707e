"""The headline labels in Polars: lazy, each file scanned once, and patients numbered so that joins are quick."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pyarrow as pa
from polars import LazyFrame, col

from benchmarks.analysts import COLUMNS, FINDINGS, FLAGS, HARDWARE, LABELS, MJOA_DOMAINS, NDI_ITEMS
from outcomes.contract import TABLES, ColumnType
from outcomes.sql.reference import thresholds
from outcomes.sql.shipped import shipped

_TYPES = {
    ColumnType.TEXT: pl.String,
    ColumnType.INTEGER: pl.Int64,
    ColumnType.DECIMAL: pl.Float64,
    ColumnType.BOOLEAN: pl.Boolean,
}
_RULES = SimpleNamespace(**thresholds())


def label(folder: Path) -> pa.Table:
    """The status of each episode's headline labels.

    Args:
        folder: where the CSV files are.

    Returns:
        The columns site_id, patient_id, label and status.
    """
    patients = _read(folder, "patients").with_row_index("patient").collect().lazy()
    tables = {name: _records(folder, name, patients) for name in COLUMNS if name != "patients"}
    patients = _observed(patients, tables)
    coded = _coded(patients, tables)
    cohort = _cohort(coded).collect().lazy()
    episodes = patients.join(cohort, on="patient", how="semi")
    tables = {name: table.join(cohort, on="patient", how="semi") for name, table in tables.items()}
    coded = _with_index_stay(coded.join(cohort, on="patient", how="semi"), tables["encounters"]).collect().lazy()

    operations = _operations(coded, tables["procedures"])
    stages = operations.filter((col("group") == "fusion") & col("is_stage"))
    index_joints = _joints(stages, "own_levels").select("patient", "joint").unique()
    revisions = _revisions(operations, coded, index_joints)
    first_days = revisions.group_by("patient").agg(first_revision_day=col("day").min())
    diagnosed = _listed(coded, "diagnoses", "adjacent_segment").with_columns(
        joint=_position("joint"), is_before=(col("day") < 1) | col("of_index_stay")
    )
    adjacent = _adjacent(index_joints, diagnosed)
    visits = _scored(tables["follow_ups"]).join(first_days, on="patient", how="left")
    looks = _looks(tables["imaging"])
    pairs = _symptomatic_images(
        tables["imaging"].join(looks, on="patient"), adjacent, _symptoms(visits, coded, diagnosed)
    )
    delivered = pl.scan_csv(folder / "delivered_tables.csv").group_by("site_id").agg(delivered=col("source_table"))
    answers = (
        episodes.join(delivered, on="site_id", how="left")
        .join(first_days, on="patient", how="left")
        .join(index_joints.select("patient").unique().with_columns(has_joints=True), on="patient", how="left")
        .join(_surgical(revisions, adjacent), on="patient", how="left")
        .join(pairs, on="patient", how="left")
        .join(looks, on="patient", how="left")
        .join(_judged(visits.join(looks, on="patient", how="left")), on="patient", how="left")
        .select(
            "site_id",
            "patient_id",
            pain_past_3_months=_pain(),
            suspected_asd=_suspected_asd(),
            revision_performed=_revision(),
        )
    )
    keys = ["site_id", "patient_id"]
    return answers.unpivot(LABELS, index=keys, variable_name="label", value_name="status").collect().to_arrow()


def _read(folder: Path, table: str) -> LazyFrame:
    types = {column.name: _TYPES[column.type] for column in TABLES[table].columns}
    return pl.scan_csv(folder / f"{table}.csv", schema_overrides=types).select("site_id", "patient_id", *COLUMNS[table])


def _records(folder: Path, table: str, patients: LazyFrame) -> LazyFrame:
    """A table's rows up to the patient's data cut, with the number of the patient."""
    keys = patients.select("site_id", "patient_id", "patient", "data_cut_day")
    rows = _read(folder, table).join(keys, on=["site_id", "patient_id"]).drop("site_id", "patient_id")
    rows = rows.rename({"start_day": "day"}, strict=False)
    return rows.filter(_holds_or_null(col("day") <= col("data_cut_day"))).with_row_index("record")


def _holds(condition: pl.Expr) -> pl.Expr:
    return condition.fill_null(False)


def _holds_or_null(condition: pl.Expr) -> pl.Expr:
    return condition.fill_null(True)


def _mark(rows: LazyFrame, others: LazyFrame, on: Sequence[str], name: str) -> LazyFrame:
    """The rows with a column that says whether the other frame has a row of these values."""
    found = others.select(on).unique().with_columns(pl.lit(True).alias(name))
    return rows.join(found, on=on, how="left").with_columns(_holds(col(name)))


def _mark_beside(rows: LazyFrame, others: LazyFrame, name: str) -> LazyFrame:
    """The rows with a column that says whether another lies on their day or in their encounter."""
    marked = _mark(rows, others, ["patient", "day"], "on_day")
    marked = _mark(marked, others, ["patient", "encounter_id"], "in_encounter")
    return marked.with_columns((col("on_day") | col("in_encounter")).alias(name)).drop("on_day", "in_encounter")


def _observed(patients: LazyFrame, tables: dict[str, LazyFrame]) -> LazyFrame:
    days = [table.group_by("patient").agg(col("day").max()) for table in tables.values()]
    is_known = col("end_day") <= col("data_cut_day")
    days.append(tables["encounters"].filter(is_known).group_by("patient").agg(day=col("end_day").max()))
    latest = pl.concat(days).group_by("patient").agg(latest=col("day").max())
    last_sign = pl.max_horizontal("last_contact_day", "latest").fill_null(0)
    return (
        patients.join(latest, on="patient", how="left")
        .with_columns(last_sign=last_sign)
        .with_columns(
            last_known_day=pl.coalesce("data_cut_day", "last_sign"),
            observed_days=pl.min_horizontal("last_sign", "data_cut_day", "death_day"),
        )
    )


def _coded(patients: LazyFrame, tables: dict[str, LazyFrame]) -> LazyFrame:
    """Procedures and diagnoses that a code list knows, on a day on which their code was valid."""
    sources = [tables[name].with_columns(source=pl.lit(name)) for name in ("procedures", "diagnoses")]
    records = pl.concat(sources, how="diagonal")
    matches = _matches(records.select("code_system", "code").unique())
    period, is_year = col("index_period"), col("index_period").str.len_chars() == 4
    first = pl.when(is_year).then(period + "-01-01").otherwise(period + "-01").str.to_date()
    last = pl.when(is_year).then(period + "-12-01").otherwise(period + "-01").str.to_date().dt.month_end()
    dates = patients.select("patient", first=first, last=last)
    is_begun = col("day") >= (col("valid_from") - col("last")).dt.total_days()
    is_not_ended = col("day") <= (col("valid_to") - col("first")).dt.total_days()
    return (
        records.join(matches, on=["code_system", "code"])
        .join(dates, on="patient")
        .filter(_holds_or_null(is_begun) & _holds_or_null(is_not_ended))
        .drop("valid_from", "valid_to", "first", "last")
        .collect()
        .lazy()
    )


def _matches(codes: LazyFrame) -> LazyFrame:
    files = sorted(shipped("sql", "codelists").glob("*.csv"))
    lists = pl.concat([pl.scan_csv(file, infer_schema=False) for file in files], how="diagonal")
    lists = lists.rename({"system": "code_system", "code": "start"}).with_columns(
        col("start").str.replace_all(".", "", literal=True)
    )
    is_prefix = col("is_prefix") == "true"
    is_match = pl.when(is_prefix).then(col("code").str.starts_with(col("start"))).otherwise(col("code") == col("start"))
    is_seventh = (col("code").str.len_chars() == 7) & col("seventh_characters").str.contains(
        col("code").str.slice(6, 1), literal=True
    )
    of_code = ["code_system", "code"]
    return (
        codes.join(lists, on="code_system")
        .filter(is_match & (col("seventh_characters").is_null() | is_seventh))
        .select(
            *of_code,
            "list",
            "procedure_group",
            "needs",
            "joint",
            is_add_on=_holds(col("is_add_on") == "true"),
            valid_from=col("valid_from").str.to_date().max().over(of_code),
            valid_to=col("valid_to").str.to_date().min().over(of_code),
        )
    )


def _listed(coded: LazyFrame, source: str, *lists: str) -> LazyFrame:
    return coded.filter((col("source") == source) & col("list").is_in(lists))


def _fusions(coded: LazyFrame) -> LazyFrame:
    """Fusions of the neck: a code of a further joint of any region counts beside another, or with its joint."""
    is_beside = col("needs").is_null().any().over("patient", "day")
    return _listed(coded, "procedures", "cervical_fusion").filter(col("levels").is_not_null() | is_beside)


def _cohort(coded: LazyFrame) -> LazyFrame:
    """Fused on day 0, with nothing that tells of an earlier fusion of the neck."""
    fusions = _fusions(coded)
    elsewhere = _listed(coded, "procedures", "other_region_fusion").group_by("patient").agg(first_day=col("day").min())
    status = coded.filter(
        (col("list") == "arthrodesis_status") & col("day").is_between(-_RULES.arthrodesis_lookback_days, -1)
    )
    unexplained = status.join(elsewhere, on="patient", how="left").filter(_holds_or_null(col("day") < col("first_day")))
    return (
        fusions.filter((col("day") == 0) & ~col("is_add_on"))
        .select("patient")
        .unique()
        .join(fusions.filter(col("day") < 0), on="patient", how="anti")
        .join(unexplained, on="patient", how="anti")
    )


def _with_index_stay(coded: LazyFrame, encounters: LazyFrame) -> LazyFrame:
    """Marks what is coded in the stay of the index fusion, which goes on through stays that touch."""
    keys = ["patient", "encounter_id"]
    named = _fusions(coded).filter((col("day") == 0) & col("encounter_id").is_not_null()).select(keys).unique()
    reached = col("end_day").cum_max().shift().over("patient", order_by=["day", "end_day", "encounter_id"])
    is_cut = col("end_day") > col("data_cut_day")
    stays = (
        _mark(encounters, named, keys, "is_named")
        .filter((col("type") == "inpatient") | col("is_named"))
        .with_columns(end_day=pl.max_horizontal("day", pl.when(_holds_or_null(~is_cut)).then(col("end_day"))))
        .with_columns(starts_chain=_holds_or_null(col("day") > reached))
        .with_columns(chain=col("starts_chain").cum_sum().over("patient", order_by=["day", "end_day", "encounter_id"]))
    )
    chains = (
        stays.group_by("patient", "chain")
        .agg(first_day=col("day").min(), last_day=col("end_day").max())
        .filter((col("first_day") <= 0) & (col("last_day") >= 0))
    )
    of_stay = pl.concat([named, stays.join(chains, on=["patient", "chain"], how="semi").select(keys)])
    marked = _mark(_mark(coded, of_stay, keys, "is_of_stay"), encounters, keys, "is_known")
    of_no_other = (col("day") <= col("last_day").fill_null(0)) & ~col("is_known")
    return (
        marked.join(chains.select("patient", "last_day"), on="patient", how="left")
        .with_columns(of_index_stay=(col("day") >= 0) & (col("is_of_stay") | of_no_other))
        .drop("is_of_stay", "is_known", "last_day")
    )


def _operations(coded: LazyFrame, procedures: LazyFrame) -> LazyFrame:
    """Fusions and other listed operations from day 0 on, each a stage of the index fusion or not."""
    listed = [
        _fusions(coded).with_columns(group=pl.lit("fusion"), needs=pl.lit(None, pl.String)),
        _listed(coded, "procedures", "revision").with_columns(group=col("procedure_group")),
    ]
    modifiers = [*_RULES.assistant_modifiers.split(";"), _RULES.two_surgeons_modifier]
    keys = ["patient", "day", "code_system", "code"]
    bills = (
        procedures.filter(col("levels").is_not_null())
        .group_by(keys)
        .agg(billed_levels=col("levels").unique().sort().str.join(";"))
    )
    operations = pl.concat(listed).filter(col("day") >= 0).unique(["record", "group", "needs"])
    operations = _mark(operations, _listed(coded, "procedures", "device_revision"), ["record"], "is_device")
    modifier, is_first_day = col("modifier"), col("day") == 0
    is_planned = _holds(col("planned_stage")) | _holds(modifier == _RULES.planned_stage_modifier)
    is_unplanned = _holds(modifier == _RULES.unplanned_return_modifier)
    stage_of_itself = col("may_be_stage") & col("belongs") & (col("group") == "fusion")
    return (
        operations.join(bills, on=keys, how="left")
        .with_columns(
            own_levels=col("levels"),
            levels=pl.coalesce("levels", pl.when(modifier.is_in(modifiers)).then(col("billed_levels"))),
            may_be_stage=~is_unplanned & (is_first_day | ~col("is_device") | is_planned),
            belongs=is_first_day | col("of_index_stay") | ((col("day") <= _RULES.stage_days) & is_planned),
        )
        .with_columns(is_stage=col("may_be_stage") & (col("belongs") | stage_of_itself.any().over("patient", "day")))
        .collect()
        .lazy()
    )


def _joints(rows: LazyFrame, column: str = "levels") -> LazyFrame:
    """A row for each joint that a row names, by its position from the top."""
    named = rows.with_columns(joint=col(column).str.split(";")).explode("joint")
    return named.with_columns(joint=_position("joint")).drop_nulls("joint")


def _position(column: str) -> pl.Expr:
    joints = pl.read_csv(shipped("sql", "reference", "joints.csv"))
    return col(column).replace_strict(joints["joint"], joints["position"], default=None, return_dtype=pl.Int64)


def _revisions(operations: LazyFrame, coded: LazyFrame, index_joints: LazyFrame) -> LazyFrame:
    """Operations that are no stage and are of the neck, by their code, their joints or what was coded with them."""
    day = ["patient", "day"]
    candidates = operations.filter(~col("is_stage"))
    refusions = _joints(candidates.filter(col("group") == "fusion")).join(
        index_joints, on=["patient", "joint"], how="semi"
    )
    devices = operations.filter(col("is_device") & (col("needs").is_null() | col("levels").is_not_null()))
    candidates = _mark_beside(candidates, _listed(coded, "diagnoses", "cervical_context"), "has_context")
    candidates = _mark_beside(candidates, _listed(coded, "procedures", "laminoplasty_companion"), "has_companion")
    candidates = _mark(candidates, operations.filter(col("group") == "fusion"), day, "has_fusion")
    candidates = _mark(candidates, refusions, day, "has_refusion")
    candidates = _mark(candidates, devices, day, "has_device")
    elsewhere = _listed(coded, "procedures", "other_region_fusion")
    candidates = _mark(candidates, elsewhere, ["patient"], "is_fused_elsewhere")
    needs = col("needs")
    of_neck = col("has_context") | col("has_fusion") | col("levels").is_not_null()
    counts = (
        needs.is_null()
        | ((needs == "cervical_context") & of_neck)
        | ((needs == "index_refusion") & col("has_refusion"))
        | ((needs == "laminoplasty_companion") & col("has_companion"))
        | (col("is_device") & col("has_device"))
    )
    may_count = (needs == "cervical_context") & col("is_device") & ~col("is_fused_elsewhere")
    group = (
        pl.when(_holds(counts))
        .then(col("group"))
        .when(_holds(may_count))
        .then(pl.lit("hardware_removal_region_unknown"))
    )
    return candidates.with_columns(group=group).drop_nulls("group").collect().lazy()


def _adjacent(index_joints: LazyFrame, diagnosed: LazyFrame) -> LazyFrame:
    """Joints next to fused ones, or between them, without a diagnosis before surgery."""
    bounds = index_joints.group_by("patient").agg(highest=col("joint").min(), lowest=col("joint").max())
    joints = pl.scan_csv(shipped("sql", "reference", "joints.csv")).select(joint="position")
    near = bounds.join(joints, how="cross").filter(col("joint").is_between(col("highest") - 1, col("lowest") + 1))
    keys = ["patient", "joint"]
    near = near.join(index_joints, on=keys, how="anti").join(diagnosed.filter("is_before"), on=keys, how="anti")
    return near.select(keys).collect().lazy()


def _surgical(revisions: LazyFrame, adjacent: LazyFrame) -> LazyFrame:
    """Of patients with revisions, whether one treated an adjacent joint, or nobody knows which."""
    treating = revisions.filter(~col("group").is_in(HARDWARE)).with_row_index("treatment")
    joints = _mark(_joints(treating), adjacent, ["patient", "joint"], "is_adjacent")
    known = joints.group_by("treatment").agg(col("is_adjacent").any())
    return (
        treating.join(known, on="treatment", how="left")
        .group_by("patient")
        .agg(was_treated=_holds(col("is_adjacent")).any(), has_unknown=col("is_adjacent").is_null().any())
    )


def _scored(visits: LazyFrame) -> LazyFrame:
    items = [col(item) for item in NDI_ITEMS]
    answered = pl.sum_horizontal(item.is_not_null() for item in items)
    percent = (
        pl.when(answered >= _RULES.ndi_items_answered)
        .then(100.0 * pl.sum_horizontal(items) / (5 * answered))
        .when(col("ndi_unit") == "points")
        .then(2.0 * col("ndi_total"))
        .when(col("ndi_unit") == "percent")
        .then(col("ndi_total"))
    )
    mjoa = pl.coalesce(pl.sum_horizontal(MJOA_DOMAINS, ignore_nulls=False), "mjoa_total")
    scored = visits.with_columns(ndi_percent=percent, mjoa=mjoa).collect().lazy()
    return _with_state_before(scored).with_columns(has_complaint=_holds(col("day") > 0) & _has_complaint())


def _with_state_before(visits: LazyFrame) -> LazyFrame:
    """What the patient's own earlier state was: strength, numbness, mJOA, and rotation at the visits around."""
    is_graded = col("mrc_grade_min").is_not_null()
    before = (
        visits.filter(col("day") <= 0)
        .sort("day", "mrc_grade_min")
        .group_by("patient", maintain_order=True)
        .agg(was_numb=_holds(col("numbness")).any(), grade_before=col("mrc_grade_min").filter(is_graded).last())
    )
    best = (
        visits.group_by("patient", "day")
        .agg(col("mjoa").max())
        .drop_nulls("mjoa")
        .select("patient", "day", best=col("mjoa").cum_max().shift().over("patient", order_by="day"))
    )
    rotations = (
        visits.filter((col("day") > 0) & col("neck_rotation_deg").is_not_null())
        .group_by("patient", "day")
        .agg(rotation=col("neck_rotation_deg").max())
        .select(
            "patient",
            "day",
            previous=col("rotation").shift().over("patient", order_by="day"),
            following=col("rotation").shift(-1).over("patient", order_by="day"),
        )
    )
    severity = pl.read_csv(shipped("sql", "reference", "mjoa_severity.csv")).rows(named=True)
    changes = {score: row["mcid"] for row in severity for score in range(row["lowest"], row["highest"] + 1)}
    return (
        visits.join(before, on="patient", how="left")
        .join(best, on=["patient", "day"], how="left")
        .join(rotations, on=["patient", "day"], how="left")
        .with_columns(mcid=col("best").replace_strict(changes, default=None))
    )


def _has_complaint() -> pl.Expr:
    """Pain of neck or arm, or a red flag; what the first weeks show is healing, unless it is new."""
    neck_hurts = _holds(col("neck_pain_nrs") >= _RULES.pain_nrs)
    arm_hurts = _holds(col("arm_pain_nrs") >= _RULES.pain_nrs)
    headache = _holds(col("occipital_headache")) | _holds(col("ndi_item_5") >= _RULES.headache_ndi_item)
    falls = (col("previous") - col("neck_rotation_deg")).round(6) >= _RULES.rotation_fall_deg
    is_confirmed = (col("previous") - col("following")).round(6) >= _RULES.rotation_fall_deg
    turns_less = _holds(falls) & (neck_hurts | _holds(is_confirmed))
    is_past_healing = col("day") >= _RULES.red_flag_measured_from_day
    is_newly_numb = _holds(col("numbness")) & (is_past_healing | ~_holds(col("was_numb")))
    grade, before = col("mrc_grade_min"), col("grade_before")
    is_weak = (
        pl.when(before.is_null())
        .then(grade <= _RULES.weakness_mrc_grade)
        .otherwise(before - grade >= _RULES.weakness_mrc_fall)
    )
    is_worse = col("best") - col("mjoa") >= col("mcid")
    healed = is_past_healing & (_holds(col("radiating_pain")) | headache | turns_less)
    return pl.any_horizontal(neck_hurts, arm_hurts, healed, is_newly_numb, _holds(is_weak), _holds(is_worse))


def _symptoms(visits: LazyFrame, coded: LazyFrame, diagnosed: LazyFrame) -> LazyFrame:
    """Complaints and listed codes after surgery; a code that names a joint is a symptom of that joint only."""
    flags = _listed(coded, "diagnoses", *FLAGS).filter((col("day") > 0) & ~col("of_index_stay"))
    flags = flags.join(diagnosed, on="record", how="anti")
    flags = _mark_beside(flags, coded.filter(col("list") == "cervical_context"), "has_context")
    flags = flags.filter(col("needs").is_null() | col("has_context"))
    anywhere = pl.lit(None, pl.Int64).alias("joint")
    return pl.concat(
        [
            visits.filter("has_complaint").select("patient", "day", anywhere),
            flags.select("patient", "day", anywhere),
            diagnosed.filter(~col("is_before")).select("patient", "day", "joint"),
        ]
    ).unique()


def _looks(images: LazyFrame) -> LazyFrame:
    """Of each imaged patient: whether before surgery, the first image after it, and when findings count."""
    looks = images.group_by("patient").agg(
        has_baseline=col("day").min() <= 0,
        first_day=col("day").filter(col("day") >= 1).min(),
        last_image_day=col("day").max(),
    )
    look_day = pl.when("has_baseline").then(1).otherwise(_RULES.asd_without_baseline_day)
    return looks.with_columns(look_day=look_day).collect().lazy()


def _symptomatic_images(images: LazyFrame, adjacent: LazyFrame, symptoms: LazyFrame) -> LazyFrame:
    """Of patients with an image of an adjacent joint and a symptom near in time: is it new, or does nobody know?"""
    directions = pl.scan_csv(shipped("sql", "reference", "imaging_directions.csv"))
    kind = ["patient", "joint", "finding"]
    before = col("value").filter(col("day") <= 0)
    is_worse = (
        pl.when(col("worse") == "larger")
        .then(col("value") > before.max().over(*kind, "unit"))
        .when(col("worse") == "smaller")
        .then(col("value") < before.min().over(*kind, "unit"))
    )
    was_there = (col("day") <= 0).any().over(kind)
    on_first = (col("day") == col("first_day")).any().over(kind)
    is_new = (
        pl.when("has_baseline")
        .then(~was_there | _holds(is_worse))
        .otherwise(_holds(col("day") > col("first_day")) & ~on_first)
    )
    is_ungraded = _holds((col("unit") == "grade") & (col("value") == 0))
    found = (
        images.filter(col("finding").is_in(FINDINGS) & ~is_ungraded)
        .with_columns(joint=_position("level"))
        .join(adjacent, on=["patient", "joint"], how="semi")
        .join(directions, on=["finding", "unit"], how="left")
        .with_columns(is_new=is_new)
        .filter((col("day") >= col("look_day")) & (col("is_new") | ~col("has_baseline")))
    )
    is_near = (col("day") - col("day_of_symptom")).abs() <= _RULES.symptom_image_days
    belongs = _holds_or_null(col("joint_of_symptom") == col("joint"))
    return (
        found.join(symptoms, on="patient", suffix="_of_symptom")
        .filter(is_near & belongs)
        .group_by("patient")
        .agg(has_new=col("is_new").any(), has_unproven=(~col("is_new")).any())
    )


def _judged(visits: LazyFrame) -> LazyFrame:
    """Of each visited patient: pain from the landmark on and before a revision, and a visit without complaint."""
    is_meant = (col("day") >= _RULES.pain_landmark_day) & _holds_or_null(col("day") <= col("first_revision_day"))
    is_disabled = col("ndi_percent") >= _RULES.pain_ndi_percent
    hurts = _holds(col("neck_pain_nrs") >= _RULES.pain_nrs)
    hurts |= _holds(is_disabled & (col("ndi_item_1") >= _RULES.pain_ndi_item))
    is_assessed = col("neck_pain_nrs").is_not_null() | _holds(~is_disabled)
    is_assessed |= _holds(is_disabled) & col("ndi_item_1").is_not_null()
    was_asked = col("neck_pain_nrs").is_not_null() | col("arm_pain_nrs").is_not_null()
    look_day = col("look_day").fill_null(_RULES.asd_without_baseline_day)
    return visits.group_by("patient").agg(
        hurts=(is_meant & hurts).any(),
        is_assessed=(is_meant & is_assessed).any(),
        was_seen_well=((col("day") >= look_day) & was_asked & ~col("has_complaint")).any(),
    )


def _pain() -> pl.Expr:
    """Pain past 3 months, among patients alive, unrevised and observed at the landmark."""
    landmark = _RULES.pain_landmark_day
    cannot_say = (
        _holds(col("death_day") < landmark)
        | _holds(col("first_revision_day") < landmark)
        | _holds_or_null(col("last_known_day") < landmark)
        | _holds_or_null(col("observed_days") < landmark)
        | ~_holds(col("delivered").list.contains("follow_ups"))
        | ~_holds(col("is_assessed"))
    )
    return _status(no_if=~_holds(col("hurts")), cannot_say=cannot_say)


def _suspected_asd() -> pl.Expr:
    """A symptomatic image that is new or worse, or surgery of an adjacent joint; a no needs a look."""
    was_imaged = _holds(col("last_image_day") >= col("look_day"))
    cannot_say = (
        col("has_joints").is_null()
        | _holds(col("has_unknown"))
        | ~_holds(col("delivered").list.contains("imaging"))
        | _holds_or_null(col("observed_days") < _RULES.asd_observed_days)
        | _holds(col("has_unproven"))
        | ~(was_imaged | _holds(col("was_seen_well")))
    )
    is_found = _holds(col("has_new")) | _holds(col("was_treated"))
    return _status(no_if=~is_found, cannot_say=~is_found & cannot_say)


def _revision() -> pl.Expr:
    is_revised = col("first_revision_day").is_not_null()
    is_observed = _holds(col("observed_days") >= _RULES.revision_observed_days)
    return _status(no_if=~is_revised, cannot_say=~is_revised & ~is_observed)


def _status(*, no_if: pl.Expr, cannot_say: pl.Expr) -> pl.Expr:
    return pl.when(cannot_say).then(pl.lit("not_assessable")).when(no_if).then(pl.lit("no")).otherwise(pl.lit("yes"))
