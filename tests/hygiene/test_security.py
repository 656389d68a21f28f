"""The tables of security requirements are complete, and name checkpoints, steps and defects that exist."""

import re

from validation.core.settings import PROJECT
from validation.defects.catalogue import catalogue
from validation.probes.source import markdown

PAGE = (PROJECT / "docs" / "reference" / "security.md").read_text(encoding="utf-8")
TABLES = {heading: markdown.table_rows(body) for heading, body in markdown.sections(PAGE, 2)}
PROOF = re.compile(r"`(?P<checkpoint>B?[\d.]+): (?P<step>[^`]+)`(?P<defects>(, D\d+)+)")
FEATURES = {
    tag: body
    for file in (PROJECT / "features").glob("*/*.feature")
    for rule in re.split(r"(?m)^(?=  @cp_)", file.read_text(encoding="utf-8"))[1:]
    for tag, body in [(rule.split()[0], rule)]
}
LEVEL_1 = {1: 8, 2: 4, 3: 8, 4: 2, 5: 4, 6: 13, 7: 6, 8: 4, 9: 4, 10: 5, 11: 3, 12: 3, 13: 1, 14: 2, 15: 3}
"""Chapter of ASVS 5.0.0 to the number of its requirements of level 1."""


def test_every_requirement_of_level_1_and_every_risk_has_one_row() -> None:
    asvs, risks = ([row[0] for row in rows] for rows in TABLES.values())
    assert len(asvs) == len(set(asvs))
    assert {chapter: sum(one.startswith(f"{chapter}.") for one in asvs) for chapter in LEVEL_1} == LEVEL_1
    assert len(asvs) == sum(LEVEL_1.values())
    assert risks == [f"API{number}:2023" for number in range(1, 11)]


def test_every_row_is_observed_or_says_why_not() -> None:
    for requirement, about, observed in (row for rows in TABLES.values() for row in rows):
        assert about, requirement
        proofs = [PROOF.fullmatch(part) for part in observed.split("; `")] if observed.startswith("`") else []
        proofs = [PROOF.fullmatch(part if part.startswith("`") else f"`{part}") for part in observed.split("; `")] if proofs else []
        explained = re.fullmatch(r"(does not apply|UNPROVEN): .{10,}", observed)
        assert bool(explained) != bool(proofs and all(proofs)), f"{requirement}: {observed}"


def test_every_checkpoint_step_and_defect_that_a_row_names_exists() -> None:
    known = catalogue()
    found = list(PROOF.finditer(PAGE))
    assert len(found) > 20
    for proof in found:
        rule = FEATURES[f"@cp_{proof['checkpoint'].lower().replace('.', '_')}"]
        steps = re.findall(r"(?m)^ +(?:Then|And) (.+)$", rule)
        assert proof["step"] in steps, proof["step"]
        for defect in re.findall(r"D\d+", proof["defects"]):
            assert proof["checkpoint"] in known[defect].checkpoints, f"{defect} is not seeded for {proof['checkpoint']}"
