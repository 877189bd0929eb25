"""The Studies page: what ships is shown as the report prints it, and the draft's cells stand beside ours."""

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_studies import small_draft
from streamlit.testing.v1 import AppTest

from fisa import studies as comparisons
from fisa.figures import paper
from fisa.language import using
from fisa.studies.draft import beside_draft
from fisa.studies.summary import load_results
from fisa.studies.tables import study_table
from fisa.ui import state
from fisa.ui.export import Offer, text_of
from fisa.ui.studies import draft_texts
from fisa.ui.studies_export import of_study

Visit = Callable[..., AppTest]
SHIPPED = Path(__file__).parents[2] / "artifacts" / "studies"


@pytest.fixture
def studies(shelf: Path) -> Path:
    """The studies that ship, as the studio's artifacts."""
    shutil.copytree(SHIPPED, shelf / "studies")
    return shelf / "studies"


def said(app: AppTest) -> str:
    kinds = (app.title, app.header, app.markdown, app.caption, app.info, app.warning, app.error)
    return re.sub(r"\\(?=\W)", "", "\n".join(str(element.value) for kind in kinds for element in kind))


@pytest.mark.parametrize("name", sorted(path.name for path in SHIPPED.iterdir()))
def test_every_study_that_ships_opens(studies: Path, visit: Visit, name: str) -> None:
    app = visit("studies", study=name)
    assert not app.exception and not app.error and not app.warning
    assert app.selectbox(key=state.key("study")).value == name
    assert len(app.table[0].value) >= 5


def test_all_systems_come_first_and_of_them_the_best(studies: Path, visit: Visit) -> None:
    app = visit("studies")
    assert app.selectbox(key=state.key("study")).value == "systems"
    shown = [re.sub(r"\\(?=\W)", "", str(name)).split()[0] for name in app.table[0].value.index]
    report = study_table(load_results(SHIPPED / "systems"))
    runs = list(report.loc[report["kind"] == "run", "system"])[::-1]
    assert shown[: len(runs)] == [name.split()[0] for name in runs]
    errors = report.set_index("system").loc[runs, "kl_truth"].dropna()
    assert errors.is_monotonic_increasing and len(errors) > 10
    shutil.rmtree(studies / "systems")
    assert visit("studies").selectbox(key=state.key("study")).value == "draft"


def test_the_table_is_that_of_the_report(studies: Path, visit: Visit) -> None:
    app = visit("studies", study="emotion6-features")
    table = study_table(load_results(SHIPPED / "emotion6-features"))
    row = table.set_index("system").loc["fisa"]
    shown = app.table[0].value
    line = shown.iloc[[re.sub(r"\W", "", str(name)) == "fisa" for name in shown.index]].iloc[0]
    assert f"{row['kl']:.3f} ± {row['kl_std']:.3f}" in re.sub(r"[*\\]", "", " | ".join(line))
    assert len(app.get("plotly_chart")) == 1  # each system against fisa
    offered = [button.proto.label for button in app.get("download_button")]
    assert offered == ["Markdown", "LaTeX", "CSV", "HTML", "SVG", "PNG", "PDF", "CSV", "MD", "TEX"]
    assert "The test split was looked at" in said(app)


def test_each_claim_of_a_study_has_its_verdict(studies: Path, visit: Visit) -> None:
    file = studies / "emotion6-features" / "summary.json"
    sides = {"better": ["fisa"], "worse": ["cnn"], "measure": None}
    claims = [{"says": "fisa <b>leads</b>", **sides}, {"says": "of what is not stored", **sides, "measure": "cosine"}]
    file.write_text(json.dumps({**json.loads(file.read_text()), "claims": claims}))
    app = visit("studies", study="emotion6-features")
    assert not app.exception and not app.error
    assert "Claims" in [heading.value for heading in app.subheader]
    (shown,) = (table.value for table in app.table if "verdict" in table.value)
    # The difference is that of cnn to the reference, fisa, as the table itself has it.
    row = study_table(load_results(SHIPPED / "emotion6-features")).set_index("system").loc["cnn"]
    assert list(shown["verdict"]) == ["borne out", "not known yet"]
    assert re.sub(r"\\", "", str(shown["difference"].iloc[0])).startswith(f"{row['difference']:+.4f} [")
    assert "leads" in str(shown.index[0]) and "fisa <b>" not in str(shown.index[0]).replace("\\<", "")


@pytest.mark.parametrize("language", ["en", "zh_Hans"])
def test_what_stands_beside_the_table_can_be_exported(
    studies: Path, visit: Visit, offers: list[Offer], language: str
) -> None:
    app = visit("studies", study="ew-mtcnn", lang=language)
    assert not app.exception and not app.error
    (offer,) = offers
    assert list(offer.figures) == ["differences"] and list(offer.tables) == ["differences", "claims"]
    table = study_table(load_results(SHIPPED / "ew-mtcnn")).set_index("system")
    with using(language):  # for whoever presses the button
        figure = offer.figures["differences"]("one")
        drawn = pd.read_csv(io.StringIO(text_of(offer, "differences", "csv"))).set_index("system")
        claims = pd.read_csv(io.StringIO(text_of(offer, "claims", "csv"))).set_index("claim")
        read = text_of(offer, "claims", "md")
        assert paper.to_bytes(figure, "pdf", offer.about).startswith(b"%PDF")
    (axes,) = figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    # The reference is compared with none, oracles are none of the systems, and the table's worst is first.
    assert names == list(table["difference"].dropna().index)[::-1] == list(drawn.index) and "ew-none-plain" not in names
    assert [group.lines[0].get_xdata()[0] for group in axes.containers] == list(table.loc[names, "difference"])
    for key in ("difference", "difference_low", "difference_high", "p"):
        np.testing.assert_array_equal(drawn[key], table.loc[names, key])
    assert (
        axes.get_xlabel()
        == figure.get_label().removesuffix(f", {len(names)} rows.")
        == "KL(p‖q) less that of ew-none-plain"
    )
    assert drawn["command"].iloc[0] == f"python -m fisa report {studies / 'ew-mtcnn'}"
    assert "version 37d0cb0a3deb" in drawn["data"].iloc[0] and "ew-none-plain 4591a24cf496d2e2" in drawn["runs"].iloc[0]
    says = "the same with all else equal: the fixed prior hurts"
    # That claim is one system against another, so that the table's own difference is what it rests on.
    row = table.loc["ew-wheel-frozen-plain"]
    assert claims.loc[says, "verdict"] == "borne out" and claims.loc[says, "difference"] == row["difference"]
    assert f"borne out | {row['difference']:+.4f} [" in " ".join(read.split())


@pytest.mark.parametrize(
    ("name", "system"), [("oasis-ratings", "ridge on colours"), ("sentiment-metric", "softmax-triplet-sv SV")]
)
def test_a_table_without_differences_offers_no_more_than_its_files(
    name: str, system: str, studies: Path, visit: Visit, offers: list[Offer]
) -> None:
    app = visit("studies", study=name)
    shown = [name.replace("\\", "").replace("\N{NO-BREAK SPACE}", " ") for name in app.table[0].value.index]
    assert not app.exception and not offers and system in shown
    assert "Systems under one protocol" not in said(app)  # which is said of studies alone
    assert len(app.get("download_button")) == len(comparisons.FORMATS)


def test_without_a_study_it_says_how_to_make_one(shelf: Path, visit: Visit) -> None:
    app = visit("studies")
    assert not app.exception and not app.error
    assert "python -m fisa study" in said(app)


def test_a_link_to_a_study_that_is_gone_shows_another_and_says_so(studies: Path, visit: Visit) -> None:
    app = visit("studies", study="emotion6-feature")
    assert not app.exception and "no study “emotion6-feature” here" in said(app)


def test_a_damaged_study_is_one_sentence(studies: Path, visit: Visit) -> None:
    (studies / "emotion6-features" / "runs.csv").write_text("where\n")
    app = visit("studies", study="emotion6-features")
    assert not app.exception and "runs.csv: changed since it was stored" in app.error[0].value.replace("\\", "")


def test_a_table_without_a_study_keeps_its_numbers(studies: Path) -> None:
    text = (SHIPPED / "oasis-ratings" / "table.csv").read_text()
    table = comparisons.read_csv(text)
    assert comparisons.format_table(table, "csv") == text
    with pytest.raises(comparisons.StudyError, match="no comparison table"):
        comparisons.read_csv("a,b\n1,2\n")


def test_the_drafts_cells_can_be_exported() -> None:
    table = pd.DataFrame({"system": ["h1"]})
    table.attrs |= {"runs": {"h1": "d"}, "data": "planted-tiny", "data_version": "v", "split": "iid", "n": 2}
    offer = of_study("draft", Path("runs/draft"), table, small_draft(64))
    assert list(offer.tables) == ["draft-loss", "draft-width", "draft-heads"] and not offer.figures
    assert offer.words_of("draft-heads") == "The draft: Heads H"
    numbers = pd.read_csv(io.StringIO(text_of(offer, "draft-heads", "csv")))
    ours = numbers.set_index("system").loc["h16"]
    # Two seeds: mean (.75 + .25) / 2, deviation sqrt(2 * .25^2 / 1).
    assert ours["ours_kl"] == 0.5 and ours["ours_kl_std"] == pytest.approx(0.125**0.5)
    assert "0.500 ± 0.354" in text_of(offer, "draft-heads", "md") and set(numbers["study"]) == {"draft"}
    assert not of_study("draft", Path("runs/draft"), table, small_draft()).tables  # too few to fill three tables


def test_the_drafts_cells_stand_beside_ours() -> None:
    results = small_draft()
    rows = beside_draft(results)
    shown = draft_texts(rows[rows["table"] == "heads"])
    # The draft's row for one head: KL 533 and 534 thousandths.
    first = shown.loc["HasEb, H 1"]
    assert first["kl theirs"] == "0.533 / 0.534" and first["kl ours"] == "0.250" and first["our system"] == "h1"
    # Two seeds: mean (.75 + .25) / 2, deviation sqrt(2 * .25^2 / 1) = .354.
    assert first["n"] == "1" and shown.loc["HasEb, H 16", ["kl ours", "n"]].to_list() == ["0.500 ± 0.354", "2"]
    assert shown.loc["NoEb, H 2", "kl ours"] == "–"
