"""The headline labels in pandas: vectorised, each table read once, and patients numbered so that joins are quick."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.analysts import COLUMNS, FINDINGS, FLAGS, HARDWARE, LABELS, MJOA_DOMAINS, NDI_ITEMS
from outcomes.contract import TABLES, ColumnType
from outcomes.sql.reference import thresholds
from outcomes.sql.shipped import shipped

_DTYPES = {
    ColumnType.TEXT: "str",
    ColumnType.INTEGER: "float64",
    ColumnType.DECIMAL: "float64",
    ColumnType.BOOLEAN: "boolean",
}
_RULES = SimpleNamespace(**thresholds())

Frame = pd.DataFrame
Mask = Any
"""Booleans of a row each, a column or an array of them."""


def label(folder: Path) -> pa.Table:
    """The status of each episode's headline labels.

    Args:
        folder: where the CSV files are.

    Returns:
        The columns site_id, patient_id, label and status.
    """
    patients = _read(folder, "patients")
    patients["patient"] = np.arange(len(patients))
    tables = {name: _records(folder, name, patients) for name in COLUMNS if name != "patients"}
    patients = _observed(patients, tables)
    coded = _coded(patients, tables)
    episodes = patients[_is_episode(patients, coded)]
    tables = {name: table[table["patient"].isin(episodes["patient"])] for name, table in tables.items()}
    coded = coded[coded["patient"].isin(episodes["patient"])]
    coded = coded.assign(of_index_stay=_is_of_index_stay(coded, tables["encounters"]))

    operations = _operations(coded, tables["procedures"])
    index_joints = _joints(operations[(operations["group"] == "fusion") & operations["is_stage"]], "own_levels")
    index_joints = index_joints[["patient", "joint"]].drop_duplicates()
    revisions = _revisions(operations, coded, index_joints)
    first_days = episodes["patient"].map(revisions.groupby("patient")["day"].min())
    delivered = pd.read_csv(folder / "delivered_tables.csv", dtype="str").groupby("source_table")["site_id"]
    episodes = episodes.assign(
        first_revision_day=first_days,
        sends_visits=episodes["site_id"].isin(delivered.get_group("follow_ups")),
        sends_images=episodes["site_id"].isin(delivered.get_group("imaging")),
        has_index_joints=episodes["patient"].isin(index_joints["patient"]),
    )

    diagnosed = _listed(coded, "diagnoses", "adjacent_segment")
    diagnosed = diagnosed.assign(is_before=(diagnosed["day"] < 1) | diagnosed["of_index_stay"])
    adjacent = _adjacent(index_joints, diagnosed)
    visits = _scored(tables["follow_ups"])
    surgical = _surgical(revisions, adjacent)
    images = _looked(tables["imaging"])
    pairs = _symptomatic_images(images, adjacent, _symptoms(visits, coded, diagnosed))
    statuses = (
        _pain(episodes, visits),
        _suspected_asd(episodes, visits, images, pairs, surgical),
        _revision(episodes),
    )
    keys = episodes[["site_id", "patient_id"]]
    answers = [keys.assign(label=name, status=status) for name, status in zip(LABELS, statuses, strict=True)]
    return pa.Table.from_pandas(pd.concat(answers), preserve_index=False)


def _read(folder: Path, table: str) -> Frame:
    columns = ["site_id", "patient_id", *COLUMNS[table]]
    types = {column.name: _DTYPES[column.type] for column in TABLES[table].columns if column.name in columns}
    # Read by threads, and with types, since codes have leading zeros.
    return pd.read_csv(folder / f"{table}.csv", usecols=columns, dtype={"site_id": "str", **types}, engine="pyarrow")


def _records(folder: Path, table: str, patients: Frame) -> Frame:
    """A table's rows up to the patient's data cut, with the number of the patient."""
    keys = patients[["site_id", "patient_id", "patient", "data_cut_day"]]
    rows = _read(folder, table).merge(keys, on=["site_id", "patient_id"])
    rows = rows.rename(columns={"start_day": "day"}).drop(columns=["site_id", "patient_id"])
    return rows[~(rows["day"] > rows["data_cut_day"])].reset_index(drop=True)


def _is_in(rows: Frame, others: Frame, on: Sequence[str]) -> Mask:
    """Of each row, whether the other frame has a row of these values; a missing one is like no other."""
    found = others[list(on)].dropna().drop_duplicates().assign(found=True)
    return rows[list(on)].merge(found, how="left", on=list(on))["found"].notna().to_numpy()


def _observed(patients: Frame, tables: dict[str, Frame]) -> Frame:
    days = [table.groupby("patient")["day"].max() for table in tables.values()]
    stays = tables["encounters"]
    stays["end_day"] = stays["end_day"].where(~(stays["end_day"] > stays["data_cut_day"]))
    days.append(stays[stays["data_cut_day"].notna()].groupby("patient")["end_day"].max())
    latest = pd.concat(days).groupby(level=0).max()
    signs = pd.concat([patients["last_contact_day"], patients["patient"].map(latest)], axis=1).max(axis=1).fillna(0)
    observed = pd.concat([signs, patients["data_cut_day"], patients["death_day"]], axis=1).min(axis=1)
    return patients.assign(observed_days=observed, last_known_day=patients["data_cut_day"].fillna(signs))


def _coded(patients: Frame, tables: dict[str, Frame]) -> Frame:
    """Procedures and diagnoses that a code list knows, on a day on which their code was valid."""
    sources = {name: tables[name].drop(columns="data_cut_day") for name in ("procedures", "diagnoses")}
    records = pd.concat(
        [table.assign(source=name, record=table.index) for name, table in sources.items()], ignore_index=True
    )
    matches = _matches(records[["code_system", "code"]].drop_duplicates())
    coded = records.merge(matches, on=["code_system", "code"])
    period = patients["index_period"].where(patients["index_period"].str.len() != 4)
    year = patients["index_period"].str[:4]
    first = pd.to_datetime(period.fillna(year + "-01") + "-01")
    last = pd.to_datetime(period.fillna(year + "-12") + "-01") + pd.offsets.MonthEnd()
    index = coded["patient"].to_numpy()
    too_early = coded["day"] < (coded["valid_from"] - last.to_numpy()[index]).dt.days
    too_late = coded["day"] > (coded["valid_to"] - first.to_numpy()[index]).dt.days
    is_valid: Mask = ~(too_early | too_late)
    return coded.loc[is_valid].drop(columns=["valid_from", "valid_to"])


def _matches(codes: Frame) -> Frame:
    files = sorted(shipped("sql", "codelists").glob("*.csv"))
    lists = pd.concat([pd.read_csv(file, dtype="str") for file in files], ignore_index=True).rename(
        columns={"system": "code_system"}
    )
    lists["start"] = lists.pop("code").str.replace(".", "")
    is_prefix = lists["is_prefix"] == "true"
    found = [codes.assign(start=codes["code"]).merge(lists[~is_prefix], on=["code_system", "start"])]
    for length, prefixes in lists[is_prefix].groupby(lists["start"].str.len()):
        starts = codes.assign(start=codes["code"].str[:length])
        found.append(starts[starts["start"].str.len() == length].merge(prefixes, on=["code_system", "start"]))
    matches = pd.concat(found, ignore_index=True)
    seventh = [
        pd.isna(allowed) or (len(code) == 7 and code[6] in allowed)
        for code, allowed in zip(matches["code"], matches["seventh_characters"], strict=True)
    ]
    matches = matches[seventh].astype({"valid_from": "datetime64[s]", "valid_to": "datetime64[s]"})
    of_code = matches.groupby(["code_system", "code"])
    matches["valid_from"] = of_code["valid_from"].transform("max")
    matches["valid_to"] = of_code["valid_to"].transform("min")
    matches["is_add_on"] = matches["is_add_on"] == "true"
    kept = ["list", "is_add_on", "procedure_group", "needs", "joint"]
    return matches[["code_system", "code", "valid_from", "valid_to", *kept]]


def _listed(coded: Frame, source: str, *lists: str) -> Frame:
    return coded[(coded["source"] == source) & coded["list"].isin(lists)]


def _is_episode(patients: Frame, coded: Frame) -> Mask:
    """Fused on day 0, with nothing that tells of an earlier fusion of the neck."""
    fusions = _fusions(coded)
    elsewhere = _listed(coded, "procedures", "other_region_fusion").groupby("patient")["day"].min()
    status = coded[(coded["list"] == "arthrodesis_status") & (coded["day"] < 0)]
    status = status[status["day"] >= -_RULES.arthrodesis_lookback_days]
    unexplained = status[~(status["day"] >= status["patient"].map(elsewhere))]
    first = fusions[(fusions["day"] == 0) & ~fusions["is_add_on"]]
    earlier = pd.concat([fusions[fusions["day"] < 0]["patient"], unexplained["patient"]])
    return patients["patient"].isin(first["patient"]) & ~patients["patient"].isin(earlier)


def _fusions(coded: Frame) -> Frame:
    """Fusions of the neck: a code of a further joint of any region counts beside another, or with its joint."""
    fusions = _listed(coded, "procedures", "cervical_fusion")
    beside = _is_in(fusions, fusions[fusions["needs"].isna()], ["patient", "day"])
    return Frame(fusions[fusions["needs"].isna() | fusions["levels"].notna() | beside])


def _is_of_index_stay(coded: Frame, encounters: Frame) -> Mask:
    """Coded in the stay of the index fusion, which goes on through stays that touch."""
    fusions = _fusions(coded)
    named = fusions[fusions["day"] == 0][["patient", "encounter_id"]].dropna()
    is_stay = (encounters["type"] == "inpatient") | _is_in(encounters, named, ["patient", "encounter_id"])
    stays = encounters[is_stay]
    stays = stays.assign(end_day=stays[["day", "end_day"]].max(axis=1)).sort_values(["patient", "day", "end_day"])
    reached = stays.groupby("patient")["end_day"].cummax().groupby(stays["patient"]).shift()
    stays["chain"] = (~(stays["day"] <= reached)).cumsum()
    chains = stays.groupby("chain").agg(
        patient=("patient", "first"), first_day=("day", "min"), last_day=("end_day", "max")
    )
    chains = chains[(chains["first_day"] <= 0) & (chains["last_day"] >= 0)]
    of_stay = pd.concat([named, stays[stays["chain"].isin(chains.index)]])
    last_day = coded["patient"].map(chains.set_index("patient")["last_day"]).fillna(0)
    keys = ["patient", "encounter_id"]
    of_no_other = (coded["day"] <= last_day) & ~_is_in(coded, encounters, keys)
    return ((coded["day"] >= 0) & (_is_in(coded, of_stay, keys) | of_no_other)).to_numpy()


def _operations(coded: Frame, procedures: Frame) -> Frame:
    """Fusions and other listed operations from day 0 on, each a stage of the index fusion or not."""
    operations = pd.concat(
        [
            _fusions(coded).assign(group="fusion", needs=None),
            _listed(coded, "procedures", "revision").assign(group=lambda each: each["procedure_group"]),
        ]
    )
    operations = operations[operations["day"] >= 0].drop_duplicates(["record", "group", "needs"]).reset_index(drop=True)
    operations["is_device"] = operations["record"].isin(_listed(coded, "procedures", "device_revision")["record"])
    operations["own_levels"] = operations["levels"]
    operations["levels"] = operations["levels"].fillna(_levels_of_other_bill(operations, procedures))
    is_planned = (operations["planned_stage"] == True).fillna(False) | (  # noqa: E712
        operations["modifier"] == _RULES.planned_stage_modifier
    )
    is_first_day = operations["day"] == 0
    may_be_stage = (operations["modifier"] != _RULES.unplanned_return_modifier) & (
        is_first_day | ~operations["is_device"] | is_planned
    )
    belongs = is_first_day | operations["of_index_stay"] | ((operations["day"] <= _RULES.stage_days) & is_planned)
    stages = operations[(operations["group"] == "fusion") & may_be_stage & belongs]
    operations["is_stage"] = may_be_stage & (belongs | _is_in(operations, stages, ["patient", "day"]))
    return operations


def _levels_of_other_bill(operations: Frame, procedures: Frame) -> pd.Series:
    """Of who assists or shares an operation without naming its joints: those of the same code of that day."""
    modifiers = [*_RULES.assistant_modifiers.split(";"), _RULES.two_surgeons_modifier]
    keys = ["patient", "day", "code_system", "code"]
    shared = operations[operations["modifier"].isin(modifiers) & operations["levels"].isna()][keys]
    bills = procedures[procedures["levels"].notna()][[*keys, "levels"]].drop_duplicates().sort_values("levels")
    joined = shared.drop_duplicates().merge(bills, on=keys).groupby(keys)["levels"].agg(";".join)
    return shared.join(joined, on=keys)["levels"]


def _joints(rows: Frame, column: str = "levels") -> Frame:
    """A row for each joint that a row names, by its position from the top."""
    named = rows.assign(joint=rows[column].str.split(";")).explode("joint")
    return named.assign(joint=_position(named["joint"])).dropna(subset="joint")


def _position(joint: pd.Series) -> pd.Series:
    joints = pd.read_csv(shipped("sql", "reference", "joints.csv"), index_col="joint")["position"]
    return joint.map(joints)


def _revisions(operations: Frame, coded: Frame, index_joints: Frame) -> Frame:
    """Operations that are no stage and are of the neck, by their code, their joints or what was coded with them."""
    candidates = operations[~operations["is_stage"]]
    is_fusion = candidates["group"] == "fusion"
    needs = candidates["needs"]
    refusions = _joints(candidates[is_fusion])
    refusions = refusions[_is_in(refusions, index_joints, ["patient", "joint"])]
    devices = operations[operations["is_device"] & (operations["needs"].isna() | operations["levels"].notna())]
    of_neck = _beside(candidates, _listed(coded, "diagnoses", "cervical_context"))
    of_neck |= _is_in(candidates, operations[operations["group"] == "fusion"], ["patient", "day"])
    of_neck |= candidates["levels"].notna()
    counts = needs.isna() | ((needs == "cervical_context") & of_neck)
    counts |= (needs == "index_refusion") & _is_in(candidates, refusions, ["patient", "day"])
    companions = _listed(coded, "procedures", "laminoplasty_companion")
    counts |= (needs == "laminoplasty_companion") & _beside(candidates, companions)
    counts |= candidates["is_device"] & _is_in(candidates, devices, ["patient", "day"])
    elsewhere = candidates["patient"].isin(_listed(coded, "procedures", "other_region_fusion")["patient"])
    may_count = (needs == "cervical_context") & candidates["is_device"] & ~elsewhere
    group = candidates["group"].where(counts, "hardware_removal_region_unknown")
    return Frame(candidates.assign(group=group)[counts | may_count])


def _beside(rows: Frame, others: Frame) -> Mask:
    """Of each row, whether another lies on its day or in its encounter."""
    return _is_in(rows, others, ["patient", "day"]) | _is_in(rows, others, ["patient", "encounter_id"])


def _adjacent(index_joints: Frame, diagnosed: Frame) -> Frame:
    """Joints next to fused ones, or between them, without a diagnosis before surgery."""
    bounds = index_joints.groupby("patient")["joint"].agg(["min", "max"]).reset_index()
    joints = pd.read_csv(shipped("sql", "reference", "joints.csv"))["position"].rename("joint")
    near = bounds.merge(joints, how="cross")
    near = near[near["joint"].between(near["min"] - 1, near["max"] + 1)]
    before = diagnosed[diagnosed["is_before"]].assign(joint=lambda each: _position(each["joint"]))
    keys = ["patient", "joint"]
    return Frame(near.loc[~(_is_in(near, index_joints, keys) | _is_in(near, before, keys)), keys])


def _surgical(revisions: Frame, adjacent: Frame) -> tuple[Frame, Frame]:
    """The revisions that treat an adjacent joint, and those of which nobody knows."""
    treating = revisions[~revisions["group"].isin(HARDWARE)].reset_index(drop=True)
    joints = _joints(treating)
    unknown = treating[~treating.index.isin(joints.index)]
    return joints[_is_in(joints, adjacent, ["patient", "joint"])], unknown


def _scored(visits: Frame) -> Frame:
    items = visits[list(NDI_ITEMS)]
    answered = items.notna().sum(axis=1)
    total = visits["ndi_total"].where(visits["ndi_unit"] == "percent", 2.0 * visits["ndi_total"])
    total = total.where(visits["ndi_unit"].isin(["percent", "points"]))
    percent = (100.0 * items.sum(axis=1) / (5 * answered)).where(answered >= _RULES.ndi_items_answered, total)
    mjoa = visits[list(MJOA_DOMAINS)].sum(axis=1, min_count=len(MJOA_DOMAINS)).fillna(visits["mjoa_total"])
    visits = visits.assign(ndi_percent=percent, mjoa=mjoa)
    return visits.assign(has_complaint=(visits["day"] > 0) & _has_complaint(visits))


def _has_complaint(visits: Frame) -> Mask:
    """Pain of neck or arm, or a red flag; what the first weeks show is healing, unless it is new."""
    told = visits[["radiating_pain", "numbness", "occipital_headache"]].fillna(False).astype(bool)
    numb_before = visits[(visits["day"] <= 0) & told["numbness"]]["patient"]
    neck_hurts = visits["neck_pain_nrs"] >= _RULES.pain_nrs
    headache = told["occipital_headache"] | (visits["ndi_item_5"] >= _RULES.headache_ndi_item)
    is_past_healing = visits["day"] >= _RULES.red_flag_measured_from_day
    return (
        neck_hurts
        | (visits["arm_pain_nrs"] >= _RULES.pain_nrs)
        | (is_past_healing & (told["radiating_pain"] | headache | _turns_less(visits, neck_hurts)))
        | (told["numbness"] & (is_past_healing | ~visits["patient"].isin(numb_before)))
        | _is_weaker(visits)
    )


def _turns_less(visits: Frame, neck_hurts: pd.Series) -> Mask:
    """Clearly less rotation than at the visit before, with pain or as the next visit confirms."""
    measured = visits[(visits["day"] > 0) & visits["neck_rotation_deg"].notna()]
    best = measured.groupby(["patient", "day"])["neck_rotation_deg"].max()
    around = pd.DataFrame({"before": best.groupby("patient").shift(), "after": best.groupby("patient").shift(-1)})
    around = visits[["patient", "day"]].join(around, on=["patient", "day"])
    falls = (around["before"] - visits["neck_rotation_deg"]).round(6) >= _RULES.rotation_fall_deg
    is_confirmed = (around["before"] - around["after"]).round(6) >= _RULES.rotation_fall_deg
    return falls & (neck_hurts | is_confirmed)


def _is_weaker(visits: Frame) -> Mask:
    """Weaker than before surgery, weak where that is not known, or a clear fall from the best earlier mJOA."""
    before = visits[(visits["day"] <= 0) & visits["mrc_grade_min"].notna()].sort_values(["day", "mrc_grade_min"])
    grade_before = visits["patient"].map(before.groupby("patient")["mrc_grade_min"].last())
    grade = visits["mrc_grade_min"]
    is_weak = grade_before - grade >= _RULES.weakness_mrc_fall
    is_weak |= grade_before.isna() & (grade <= _RULES.weakness_mrc_grade)
    by_day = visits.dropna(subset="mjoa").groupby(["patient", "day"])["mjoa"].max()
    best_before = by_day.groupby("patient").cummax().groupby("patient").shift().rename("best")
    best = visits[["patient", "day"]].join(best_before, on=["patient", "day"])["best"]
    severity = pd.read_csv(shipped("sql", "reference", "mjoa_severity.csv")).sort_values("lowest")
    change = severity["mcid"].to_numpy()[np.searchsorted(severity["lowest"], best.fillna(0), side="right") - 1]
    return is_weak | (best - visits["mjoa"] >= change)


def _symptoms(visits: Frame, coded: Frame, diagnosed: Frame) -> Frame:
    """Complaints and listed codes after surgery; a code that names a joint is a symptom of that joint only."""
    context = coded[coded["list"] == "cervical_context"]
    flags = _listed(coded, "diagnoses", *FLAGS)
    flags = flags[(flags["day"] > 0) & ~flags["of_index_stay"] & ~flags["record"].isin(diagnosed["record"])]
    flags = flags[flags["needs"].isna() | _beside(flags, context)]
    listed = diagnosed[~diagnosed["is_before"]]
    symptoms = pd.concat([visits[visits["has_complaint"]], flags.assign(joint=None), listed])
    symptoms = symptoms[["patient", "day", "joint"]].drop_duplicates()
    return Frame(symptoms.assign(joint=_position(symptoms["joint"])))


def _looked(images: Frame) -> Frame:
    """Images with what is known of their patient's: one before surgery, the first after it, and when findings count."""
    before = images[images["day"] <= 0]["patient"]
    first_day = images[images["day"] >= 1].groupby("patient")["day"].min()
    has_baseline = images["patient"].isin(before)
    return images.assign(
        has_baseline=has_baseline,
        first_day=images["patient"].map(first_day),
        look_day=np.where(has_baseline, 1, _RULES.asd_without_baseline_day),
    )


def _symptomatic_images(images: Frame, adjacent: Frame, symptoms: Frame) -> Frame:
    """Images of an adjacent joint with a symptom near in time: new or worse, or of which nobody knows."""
    found = images[images["finding"].isin(FINDINGS) & ~((images["unit"] == "grade") & (images["value"] == 0))]
    found = found.assign(joint=_position(found["level"]))
    found = found[_is_in(found, adjacent, ["patient", "joint"])]
    kind = ["patient", "joint", "finding"]
    before = found[found["day"] <= 0]
    was_there = _is_in(found, before, kind)
    on_first = _is_in(found, found[found["day"] == found["first_day"]], kind)
    directions = pd.read_csv(shipped("sql", "reference", "imaging_directions.csv"))
    extremes = before.groupby([*kind, "unit"])["value"].agg(["min", "max"])
    found = found.join(extremes, on=[*kind, "unit"]).merge(directions, how="left", on=["finding", "unit"])
    is_worse = np.where(
        found["worse"] == "larger",
        found["value"] > found["max"],
        (found["worse"] == "smaller") & (found["value"] < found["min"]),
    )
    found["is_new"] = np.where(
        found["has_baseline"], ~was_there | is_worse, (found["day"] > found["first_day"]) & ~on_first
    )
    found = found[(found["day"] >= found["look_day"]) & (found["is_new"] | ~found["has_baseline"])]
    pairs = found.merge(symptoms, on="patient", suffixes=("", "_of_symptom"))
    is_near = (pairs["day"] - pairs["day_of_symptom"]).abs() <= _RULES.symptom_image_days
    belongs = pairs["joint_of_symptom"].isna() | (pairs["joint_of_symptom"] == pairs["joint"])
    return Frame(pairs.loc[is_near & belongs])


def _pain(episodes: Frame, visits: Frame) -> Mask:
    """Pain past 3 months, among patients alive, unrevised and observed at the landmark."""
    landmark = _RULES.pain_landmark_day
    first_revision = visits["patient"].map(episodes.set_index("patient")["first_revision_day"])
    visits = visits[(visits["day"] >= landmark) & ~(visits["day"] > first_revision)]
    hurts = visits["neck_pain_nrs"] >= _RULES.pain_nrs
    is_disabled = visits["ndi_percent"] >= _RULES.pain_ndi_percent
    hurts |= is_disabled & (visits["ndi_item_1"] >= _RULES.pain_ndi_item)
    is_assessed = visits["neck_pain_nrs"].notna() | (visits["ndi_percent"] < _RULES.pain_ndi_percent)
    is_assessed |= is_disabled & visits["ndi_item_1"].notna()
    patient = episodes["patient"]
    cannot_say = (
        (episodes["death_day"] < landmark)
        | (episodes["first_revision_day"] < landmark)
        | ~(episodes["last_known_day"] >= landmark)
        | ~(episodes["observed_days"] >= landmark)
        | ~episodes["sends_visits"]
        | ~patient.isin(visits[is_assessed]["patient"])
    )
    return np.select([cannot_say, patient.isin(visits[hurts]["patient"])], ["not_assessable", "yes"], "no")


def _suspected_asd(episodes: Frame, visits: Frame, images: Frame, pairs: Frame, surgical: tuple[Frame, Frame]) -> Mask:
    """A symptomatic image that is new or worse, or surgery of an adjacent joint; a no needs a look."""
    treated, unknown = surgical
    patient = episodes["patient"]
    is_found = patient.isin(pairs[pairs["is_new"]]["patient"]) | patient.isin(treated["patient"])
    looked_from = np.where(
        visits["patient"].isin(images[images["has_baseline"]]["patient"]), 1, _RULES.asd_without_baseline_day
    )
    was_asked = visits["neck_pain_nrs"].notna() | visits["arm_pain_nrs"].notna()
    well = visits[(visits["day"] >= looked_from) & was_asked & ~visits["has_complaint"]]
    seen = pd.concat([images[images["day"] >= images["look_day"]]["patient"], well["patient"]])
    cannot_say = (
        ~episodes["has_index_joints"]
        | patient.isin(unknown["patient"])
        | ~episodes["sends_images"]
        | ~(episodes["observed_days"] >= _RULES.asd_observed_days)
        | patient.isin(pairs[~pairs["is_new"]]["patient"])
        | ~patient.isin(seen)
    )
    return np.select([is_found, cannot_say], ["yes", "not_assessable"], "no")


def _revision(episodes: Frame) -> Mask:
    is_observed = episodes["observed_days"] >= _RULES.revision_observed_days
    return np.select([episodes["first_revision_day"].notna(), is_observed], ["yes", "no"], "not_assessable")
