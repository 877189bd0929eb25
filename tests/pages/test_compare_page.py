"""The Compare page for two to four runs: which stand side by side, their measures, every image, one image."""

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
from variants import five_runs, variant

from fisa import slices
from fisa.config.differences import differences
from fisa.datasets import open_dataset
from fisa.datasets.planted import PlantedDataset
from fisa.distances import kl
from fisa.emotions import MIKELS8
from fisa.evaluation import per_sample
from fisa.explain import explain
from fisa.figures import contribution_bars, regridded
from fisa.metrics import bootstrap_mean, paired_bootstrap
from fisa.runs import load_run
from fisa.runs.files import digest_of
from fisa.runs.format import read_digests, write_digests
from fisa.studies.draft import beside_draft
from fisa.studies.results import StudyResults
from fisa.studies.statistics import hierarchical_difference, holm
from fisa.ui import cache, compare_export, compare_image, export
from fisa.ui import studies as ui_studies
from fisa.ui.export import Offer, Sheet, text_of
from fisa.ui.studies import draft_texts

Visit = Callable[..., AppTest]
LABELS = list(MIKELS8.labels)


@pytest.fixture(scope="module")
def several(tiny_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five runs."""
    return five_runs(tiny_runs, tmp_path_factory.mktemp("several"))


@pytest.fixture
def shelf_of_five(several: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FISA_ARTIFACTS", str(several))
    monkeypatch.setenv("FISA_RUNS", str(tmp_path / "none"))
    monkeypatch.setenv("FISA_STUDIO_HOME", str(tmp_path / "home"))
    return several


@pytest.fixture
def offers(monkeypatch: pytest.MonkeyPatch) -> list[Offer]:
    """What the page offers for download."""
    found: list[Offer] = []
    draw = export.draw
    monkeypatch.setattr(export, "draw", lambda offer: (found.append(offer), draw(offer)))
    return found


def words(app: AppTest) -> str:
    kinds = (app.title, app.header, app.markdown, app.caption, app.info, app.warning, app.error)
    return plain("\n".join(str(element.value) for kind in kinds for element in kind))


def plain(text: object) -> str:
    return re.sub(r"\\(?=[\W_])", "", str(text)).replace("\u00a0", " ")


def tables(app: AppTest) -> list[pd.DataFrame]:
    """The small tables as text; the first are settings, measures and differences."""
    return [each.value.map(plain).rename(index=plain, columns=plain) for each in app.table]


def errors_of(folder: Path, *names: str) -> dict[str, np.ndarray]:
    manifest = open_dataset("planted-tiny").manifest
    truth = manifest[[f"truth_{label}" for label in LABELS]].to_numpy(float)
    return {name: kl(truth, load_run(folder / name).predictions[LABELS].to_numpy(float)) for name in names}


def test_four_runs_have_settings_measures_and_tests_beside_the_reference(
    shelf_of_five: Path, visit: Visit, offers: list[Offer]
) -> None:
    app = visit("compare", run="small", against="cnn,slow,fisa", seeds="alone", image="iid-00003", emotion="awe")
    assert not app.exception and not app.error and not app.warning
    names = ["small", "cnn", "slow", "fisa"]
    configs = [load_run(shelf_of_five / name).config for name in names]
    changed = differences(configs)
    found = {name: tuple(table.columns) for table in tables(app) for name in table.index if name in changed}
    assert found == dict.fromkeys(changed, tuple(names)) and "training.lr" in changed

    errors = errors_of(shelf_of_five, *names)
    measures = next(table for table in tables(app) if "KL(p‖q) ↓" in table.index)
    gaps = next(table for table in tables(app) if "cnn − small" in table.columns)
    best = min(names, key=lambda name: errors[name].mean())
    raw = [hierarchical_difference([errors[name]], [errors["small"]]) for name in names[1:]]
    for name in names:
        mean, cell = bootstrap_mean(errors[name]), measures.loc["KL(p‖q) ↓", name]
        assert cell.startswith("**") == (name == best)
        value, low, high = map(float, re.findall(r"\d\.\d{4}", cell))
        assert value == pytest.approx(mean.value, abs=6e-5)
        assert (low, high) == pytest.approx((mean.low, mean.high), abs=0.1 * (mean.high - mean.low))
    for name, one, p in zip(names[1:], raw, holm([each.p for each in raw]), strict=True):
        told = list(map(float, re.findall(r"[+-]?\d\.\d{4}", gaps.loc["KL(p‖q) ↓", f"{name} − small"])))
        assert told == pytest.approx([one.value, one.low, one.high, p], abs=0.02 * (one.high - one.low) + 0.01)
        assert told[0] == pytest.approx((errors[name] - errors["small"]).mean(), abs=6e-5)
    assert "adjusted for 3 comparisons by Holm's procedure" in words(app)
    assert "n = 1, no ±" in measures.loc["training seeds"].tolist()

    said = words(app)
    assert "cnn has no attention maps" in said and "cnn has no contributions" in said
    assert "The maps differ in size (small " in said and "with their sums kept" in said
    alts = [each.proto.alt for each in app.get("plotly_chart")]
    assert len(alts) >= 10 and all(len(alt) > 20 for alt in alts)
    (offer,) = offers
    check_offer(offer, names, errors)


def check_offer(offer: Offer, names: list[str], errors: dict[str, np.ndarray]) -> None:
    """Every table is there thrice, every figure in print, and the page is offline."""
    numbers = pd.read_csv(io.StringIO(text_of(offer, "measures", "csv"))).set_index("measure")
    for name in names[1:]:
        own = (errors[name] - errors["small"]).mean()
        assert numbers.loc["KL(p‖q) ↓", f"{name} − small"] == pytest.approx(own)
    assert all(f"{name} (digest " in numbers["runs"].iloc[0] for name in names)
    best = min(names, key=lambda name: errors[name].mean())
    markdown, latex = (text_of(offer, "measures", form).split("\n") for form in ("md", "tex"))
    row = next(line for line in markdown if line.startswith("| KL(p‖q)"))
    assert f"**{errors[best].mean():.4f} [" in row and row.count("**") == 2
    assert any(f"\\textbf{{{errors[best].mean():.4f} [" in line for line in latex)
    each = pd.read_csv(io.StringIO(text_of(offer, "errors-of-every-image", "csv"))).set_index("id")
    np.testing.assert_allclose(each["error of cnn"], errors["cnn"])
    assert each["true"].isin(LABELS).all() and len(each) == 60
    first = next(line for line in text_of(offer, "errors-of-every-image", "md").split("\n") if "iid-00000" in line)
    assert f"**{min(errors[name][0] for name in names):.3f}**" in first and first.count("**") == 2
    assert "training.lr" in text_of(offer, "settings", "tex").replace("\\", "")
    wanted = {"errors", "measures", "differences", "differences-of-KL", "training", "wheel", "bars", "maps", "matrices"}
    assert set(offer.figures) == wanted
    for name in ("measures", "differences", "differences-of-KL", "maps", "matrices"):
        for width in export.paper.WIDTHS:
            figure = offer.figures[name](width)
            content = export.paper.to_bytes(figure, "svg", offer.about_of(name)).decode()
            assert "small (digest " in content and ("iid-00003" in content) == (name in ("maps", "matrices"))
    page = str(offer.others["html"]())
    own = page[page.index("<h2>The image <bdi>iid-00003</bdi></h2>") : page.index("errs most</h2>")]
    assert own.count("<img src=") == 4 and "<bdi>Attention of " in own and "all heads together</bdi>" in own
    assert "adjusted for 3 comparisons" in page and "https:" not in page and "http:" not in page


def test_another_reference_is_one_click_and_keeps_all_runs(shelf_of_five: Path, visit: Visit) -> None:
    app = visit("compare", run="small", against="cnn,slow")
    app.button_group(key="compare_reference").set_value("slow").run()
    assert not app.exception
    assert (app.query_params["run"], app.query_params["against"]) == ("slow", "cnn,small")
    assert "cnn − slow" in " ".join(column for table in tables(app) for column in table.columns)


def test_what_is_gone_is_left_out_or_the_nearest_and_said(shelf_of_five: Path, visit: Visit) -> None:
    app = visit("compare", run="small", against="cnn,<b>gone</b>,small")
    assert not app.exception and app.query_params["against"] == "cnn"
    assert "There is no other run “<b>gone</b>” here; it is left out." in words(app)
    app = visit("compare", run="small", against="slov")
    assert not app.exception and app.query_params["against"] == "slow" and "showing “slow” instead" in words(app)


def test_what_cannot_stand_beside_is_said_in_one_sentence(
    shelf_of_five: Path, tmp_path: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "mixed"
    for name in ("fisa", "cnn"):
        shutil.copytree(shelf_of_five / name, shelf / name)
    moved = load_run(shelf_of_five / "cnn").metrics | {"data_version": "other"}
    run = variant(shelf_of_five / "cnn", shelf / "elsewhere")
    replace_metrics(run.path, moved)
    monkeypatch.setenv("FISA_ARTIFACTS", str(shelf))
    app = visit("compare", run="fisa", against="elsewhere")
    assert not app.exception and not app.error and not app.table
    assert "elsewhere on planted-tiny iid, version other: compare runs on the same images" in words(app)
    app = visit("compare", run="fisa", against="elsewhere,cnn", sort="fixed")
    assert not app.exception and not app.error and not app.warning and app.table  # what can be compared is
    assert "Fixed by cnn" in " ".join(plain(button.label) for button in app.button)


def replace_metrics(folder: Path, metrics: dict[str, object]) -> None:
    content = json.dumps(metrics).encode()
    (folder / "metrics.json").write_bytes(content)
    write_digests(folder, read_digests(folder) | {"metrics.json": digest_of(content)})


def test_a_system_with_several_seeds_is_told_as_mean_and_deviation(shelf_of_five: Path, visit: Visit) -> None:
    app = visit("compare", run="fisa", against="cnn")
    assert not app.exception and "seeds" not in app.query_params
    errors = errors_of(shelf_of_five, "fisa", "fisa-1", "cnn")
    means = [errors[name].mean() for name in ("fisa", "fisa-1")]
    measures = next(table for table in tables(app) if "KL(p‖q) ↓" in table.index)
    told = f"{np.mean(means):.4f} ± {np.std(means, ddof=1):.4f}"
    assert measures.loc["KL(p‖q) ↓", "fisa"].strip("*") == told
    assert measures.loc["training seeds"].tolist() == ["n = 2", "n = 1, no ±"]
    gap = hierarchical_difference([errors["cnn"]], [errors["fisa"], errors["fisa-1"]])
    cell = next(table for table in tables(app) if "cnn − fisa" in table.columns).loc["KL(p‖q) ↓", "cnn − fisa"]
    assert f"{gap.value:+.4f}" in cell
    app.button_group(key="choose_seeds").set_value("alone").run()
    assert not app.exception and app.query_params["seeds"] == "alone"
    alone = next(table for table in tables(app) if "KL(p‖q) ↓" in table.index)
    assert alone.loc["KL(p‖q) ↓", "fisa"].strip("*").startswith(f"{means[0]:.4f} [")
    app = visit("compare", run="fisa", against="fisa-1")  # two seeds of one system stand for themselves
    measures = next(table for table in tables(app) if "KL(p‖q) ↓" in table.index)
    assert not app.exception and measures.loc["training seeds"].tolist() == ["n = 1, no ±"] * 2


def test_a_selection_has_measures_of_every_run_and_becomes_a_slice(shelf_of_five: Path, visit: Visit) -> None:
    runs = [load_run(shelf_of_five / name) for name in ("small", "cnn", "slow")]
    data = open_dataset("planted-tiny")
    places = [2, 7, 11, 40]
    ids = [str(name) for name in data.manifest["id"].to_numpy()[places]]
    app = visit("compare", run="small", against="cnn,slow")
    app.session_state["errors_picked"] = ((*(run.digest for run in runs), data.version), ids)
    app.run()
    assert not app.exception and "Selection: 4 of 60 images" in words(app)
    errors = errors_of(shelf_of_five, "small", "cnn", "slow")
    cells = next(table for table in tables(app) if "selected" in table.columns)
    for name, own in errors.items():
        mean = bootstrap_mean(own[places])
        told = f"{mean.value:.4f} [{mean.low:.4f}, {mean.high:.4f}]"
        assert cells.loc[f"mean KL to the truth of {name} [95 %]", "selected"] == told
    gap = paired_bootstrap(errors["cnn"], errors["small"])
    told = f"{gap.value:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}]"
    assert cells.loc["error of cnn less that of small [95 %]", "all"] == told
    apart = np.ptp([own[places] for own in errors.values()], axis=0)
    links = [plain(link.label) for link in app.get("page_link") if plain(link.label) in ids]
    assert links == [ids[place] for place in np.argsort(-apart, kind="stable")]
    app.text_input(key="errors_slice_name").set_value("those").run()
    app.button(key="errors_slice_save").click().run()
    assert not app.exception and not app.error
    assert [one.name for one in slices.list_slices(data.name, data.split)[0]] == ["those"]
    assert "slice those: 4 of 60 images" in words(app)


def test_what_one_run_fixed_and_broke_is_walked_for_every_pair(shelf_of_five: Path, visit: Visit) -> None:
    errors = errors_of(shelf_of_five, "small", "cnn", "slow")
    ids = open_dataset("planted-tiny").manifest["id"].to_numpy()
    app = visit("compare", run="small", against="cnn,slow", versus="slow", image="iid-00003")
    labels = [plain(button.label) for button in app.button]
    assert f"Fixed by slow: {int((errors['slow'] < errors['small']).sum())}" in labels
    app.button(key="sort_broke").click().run()
    assert not app.exception and app.query_params["sort"] == "broke" and app.query_params["versus"] == "slow"
    assert app.query_params["image"] == ids[np.argmax(errors["slow"] - errors["small"])]
    gallery = visit("gallery", **{name: app.query_params[name] for name in ("run", "against", "versus", "sort")})
    assert not gallery.exception and not gallery.warning
    assert "Broken by slow" in "".join(gallery.selectbox(key="choose_sort").options)


def test_a_run_stands_beside_one_of_its_own_kind_unless_told_otherwise(shelf_of_five: Path, visit: Visit) -> None:
    app = visit("compare", run="fisa")
    # Of the others in their order, cnn is another model, and small has seen other pictures.
    assert not app.exception and not app.warning and app.query_params["against"] == "fisa-1"
    assert visit("compare", run="cnn").query_params["against"] == "fisa"  # there is no other cnn


def test_a_pair_that_is_not_there_is_said_and_one_that_was_taken_away_is_not(shelf_of_five: Path, visit: Visit) -> None:
    app = visit("compare", run="fisa", against="cnn,slow", versus="sloww")
    assert not app.exception and app.query_params["versus"] == "slow"
    assert [plain(each.value) for each in app.warning] == ["There is no run “sloww” here; showing “slow” instead."]
    app = visit("compare", run="fisa", against="cnn,slow", versus="fisa-1")
    assert not app.exception and not app.warning and "versus" not in app.query_params


def test_maps_of_other_sizes_are_compared_on_one_grid(several: Path) -> None:
    runs = {name: load_run(several / name) for name in ("fisa", "small", "cnn")}
    data = open_dataset("planted-tiny", split="test")
    found = compare_image.explained(runs, data, "iid-00003")
    seen = compare_image.Seen(cache.subject(data, "iid-00003"), found, "awe", "effect")
    own = {name: explain(run, data_image(run.config.data.image_size)) for name, run in runs.items()}
    column = LABELS.index("awe")
    maps = [own[name].attention[column] for name in ("fisa", "small")]  # type: ignore[index]
    assert maps[0].shape != maps[1].shape and list(seen.maps) == ["fisa", "small"]
    for found, expected in zip(seen.maps.values(), regridded(maps), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert list(seen.matrices) == ["fisa", "small"]
    np.testing.assert_allclose(seen.matrices["small"], own["small"].effect.mean(0), atol=1e-6)  # type: ignore[union-attr]
    gaps = compare_image.gaps_to("fisa", seen.matrices)
    np.testing.assert_allclose(gaps["small"], seen.matrices["small"] - seen.matrices["fisa"])
    assert compare_image.gaps_to("cnn", seen.matrices) == {}
    assert compare_image.reach_of([np.array([1.0, 4.0]), np.array([-1.0])], 1.0) == 3.0


def test_contributions_of_all_runs_share_one_axis(several: Path) -> None:
    runs = {name: load_run(several / name) for name in ("fisa", "small", "cnn")}
    data = open_dataset("planted-tiny", split="test")
    seen = compare_image.Seen(
        cache.subject(data, "iid-00003"), compare_image.explained(runs, data, "iid-00003"), "awe", "effect"
    )
    assert seen.reach is not None
    low, high = seen.reach
    column, drawn = LABELS.index("awe"), []
    for one in (seen.found["fisa"], seen.found["small"]):  # cnn has no contributions
        assert one.contributions is not None and one.bias is not None
        sizes = one.contributions.sum(0)[column]
        way = np.cumsum([0.0, one.bias[column], *sizes[np.argsort(-np.abs(sizes), kind="stable")]])
        assert low - 1e-6 <= way.min() and way.max() <= high + 1e-6
        drawn += [way.min(), way.max()]
        bars = contribution_bars(
            sizes, float(one.bias[column]), float(one.logits[column]), seen.space, column, "light", (low, high)
        )
        ends = bars.layout.xaxis.range
        assert (
            ends[0] < low
            and high < ends[1]
            and ends == pytest.approx([low - 0.25 * (high - low), high + 0.22 * (high - low)])
        )
    assert (low, high) == pytest.approx((min(drawn), max(drawn)), abs=1e-6)
    assert compare_image.Seen(seen.subject, {"cnn": seen.found["cnn"]}, "awe", None).reach is None


def data_image(size: int) -> np.ndarray:
    return PlantedDataset("planted-tiny", "iid", size)[3].image


def test_errors_of_photographs_without_a_truth_are_those_on_votes(photograph_runs: Path) -> None:
    run = load_run(photograph_runs / "cnn")
    data = cache.test_data(run)
    sheet = compare_export.errors_sheet({"cnn": run}, data)
    assert isinstance(sheet, Sheet)
    np.testing.assert_allclose(sheet.numbers["error of cnn"], per_sample(run.predictions, data)["kl"])


def of_heads(results: StudyResults) -> pd.DataFrame:
    rows = beside_draft(results)
    return rows[rows["table"] == "heads"]


def test_the_ablation_of_the_draft_stands_below_beside_ours(
    full: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = StudyResults("none", "a", ("a",), small_draft().runs, *[pd.DataFrame()] * 2, {}, {}, {}, (), {})
    monkeypatch.setattr(ui_studies, "_readable", lambda: [("none", "1", others), ("mine", "2", small_draft(64))])
    app = visit("compare", run="fisa", against="cnn")
    assert not app.exception and not app.error
    assert "Beside the draft" in [header.value for header in app.header]
    assert "is from the study mine" in words(app)
    heads = app.table[-1].value.set_axis(draft_texts(of_heads(small_draft(64))).index)
    assert r"0\.500 ± 0\.354" in list(heads.loc["HasEb, H 16"])  # what small_draft has of sixteen heads

    monkeypatch.setattr(ui_studies, "_readable", lambda: [("none", "1", others)])
    assert "Beside the draft" not in [header.value for header in visit("compare", run="fisa", against="cnn").header]
