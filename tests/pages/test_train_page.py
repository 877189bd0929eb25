"""The Train page without a browser: the form and its errors, and trainings in every state, as read from disk."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest
from tiny import TINY, TINY_CNN

from fisa.background import Desk
from fisa.config import RunConfig, load_config
from fisa.config.form import options_of
from fisa.jobs import estimates, process, trainings
from fisa.jobs.trainings import list_trainings, start_training

Visit = Callable[..., AppTest]
CONFIG = RunConfig.model_validate({"name": "small", "model": TINY_CNN, **TINY, "training": {"epochs": 2}})
HISTORY = "epoch,seconds,train_loss,validation_kl,lr\n1,2.5,1.25,1.5,0.002\n"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of one's own runs, in which no process is started."""
    monkeypatch.setenv("FISA_RUNS", str(tmp_path / "own"))
    monkeypatch.setattr(Desk, "start", lambda desk, *asked: None)
    return tmp_path / "own"


def words(app: AppTest) -> str:
    kinds = (app.title, app.header, app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    return re.sub(r"\\(?=\W)", "", "\n".join(str(element.value) for kind in kinds for element in kind))


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def ended(path: Path, state: str, reason: str = "") -> None:
    Desk(path / "job").write("outcome.json", {"state": state, "reason": reason, "ended": 1.0})


class TestForm:
    def test_it_opens_without_any_run_and_offers_data_that_are_drawn(
        self, shelf: Path, runs: Path, visit: Visit
    ) -> None:
        app = visit("train")
        assert not app.exception and not app.error and not app.warning
        assert app.selectbox(key="train_data.name").value == "planted-small"
        assert app.query_params["set"] == "{data.name: planted-small}"
        assert "Start training" in labels(app) and "Trainings" not in words(app)
        command = app.code[0].value
        assert command == (
            f"python -m fisa train configs/fisa.yaml --out {runs}/fisa-1 --set 'data.name=planted-small'"
        ).replace("'", "")

    def test_every_option_that_matters_has_its_field(self, full: Path, runs: Path, visit: Visit) -> None:
        app = visit("train", set="{objective.metric: 1.0, training.per_emotion: 2}")
        fields = (*app.selectbox, *app.number_input, *app.text_input, *app.toggle)
        shown = {str(field.key).removeprefix("train_") for field in fields}
        document = load_config(Path("configs/fisa.yaml")).model_dump(mode="json")
        weighted = ("", "objective.kl", "objective.evidence", "objective.metric")
        assert {option.key for option in options_of(document) if option.waits_for in weighted} <= shown
        assert "objective.metric_sampling" in shown and "objective.emd_r" not in shown
        assert "fisa" in app.selectbox(key="choose_base").options

    def test_what_is_wrong_stands_there_in_a_sentence_and_nothing_starts(
        self, shelf: Path, runs: Path, visit: Visit
    ) -> None:
        app = visit("train")
        app.number_input(key="train_training.epochs").set_value(0).run()
        app.number_input(key="train_model.heads").set_value(7).run()
        app.text_input(key="train_name").set_value("Ünïcode <b>").run()
        said = words(app)
        assert "Input should be greater than 0" in said and "dim 64 must be a multiple of heads 7" in said
        assert "a name has small letters" in said and "3 things are to mend" in said
        assert "Start training" not in labels(app) and not app.exception

    def test_another_model_brings_its_fields_and_the_base_comes_back(
        self, shelf: Path, runs: Path, visit: Visit
    ) -> None:
        app = visit("train")
        app.selectbox(key="choose_base").set_value("configs/cnn").run()
        assert app.query_params["base"] == "configs/cnn" and "set" not in app.query_params
        app.selectbox(key="train_model.name").set_value("cnn_mlp").run()
        app.number_input(key="train_model.hidden").set_value(32).run()
        assert not app.error and not app.exception
        assert "model={name: cnn_mlp, backbone: {name: plain, width: 96, depth: 1, fine: false}, hidden: 32}" in (
            app.code[0].value
        )
        app.selectbox(key="train_model.name").set_value("cnn").run()
        assert "set" not in app.query_params and "Changed from cnn: nothing" in words(app)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{a: [", "cannot be used"),
            ("{model.wings: 2}", "There is no option model.wings here"),
            ("{training.epochs: many, training.lr: .nan, model.effect: odd}", "3 things are to mend"),
            ("{model.name: 7, data: [1], name: {a: b}}", "to mend"),
            ("{name.x: 1, training.epochs: 99999999999999999999}", "There is no option name.x"),
        ],
    )
    def test_a_link_that_nobody_made_is_no_exception(
        self, text: str, said: str, shelf: Path, runs: Path, visit: Visit
    ) -> None:
        app = visit("train", set=text)
        assert not app.exception and said in words(app)

    def test_a_run_whose_configuration_is_damaged_is_no_base(
        self, shelf: Path, runs: Path, tiny_runs: Path, visit: Visit
    ) -> None:
        shutil.copytree(tiny_runs / "cnn", shelf / "cnn")
        (shelf / "cnn" / "config.yaml").write_text("model: [")
        app = visit("train", base="run/cnn")
        assert not app.exception and "cnn/config.yaml: not valid YAML" in words(app)
        assert app.query_params["base"] == "configs/fisa" and "Start training" in labels(app)

    def test_a_start_writes_the_configuration_and_shows_the_training(
        self, shelf: Path, runs: Path, visit: Visit
    ) -> None:
        app = visit("train")
        app.number_input(key="train_training.epochs").set_value(3).run()
        app.text_input(key="train_name").set_value("mine").run()
        app.button(key="train_start").click().run()
        config = load_config(runs / "mine-1" / "job" / "config.yaml")
        assert (config.name, config.data.name, config.training.epochs) == ("mine", "planted-small", 3)
        assert app.query_params["job"] == "mine-1" and "set" not in app.query_params and "mine-1" in words(app)

    def test_a_start_that_is_refused_says_why(
        self, shelf: Path, runs: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(desk: Desk, module: str, kind: str, folder: str) -> None:
            raise OSError(11, "no processes are left")

        monkeypatch.setattr(Desk, "start", refuse)
        app = visit("train")
        app.button(key="train_start").click().run()
        assert not app.exception and words(app).count("(no processes are left)") == 1
        assert "no processes are left" not in words(app.run())


class TestEstimate:
    @pytest.fixture
    def measured(self, shelf: Path, runs: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Measure in this process, and fake the steps."""

        def work(desk: Desk, module: str, kind: str, folder: str) -> None:
            process.main(kind, desk.folder)

        monkeypatch.setattr(Desk, "start", work)
        return runs

    def test_it_is_told_and_holds_for_other_epochs(
        self, measured: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = {
            "epochs": 16, "steps": 100, "fastest": 0.1, "step": 0.2, "slowest": 0.4, "validation": 10.0,
            "parameters": 1234, "memory": 2**30, "device": "cpu",
        }  # fmt: skip
        monkeypatch.setitem(process.WORK, "estimate", lambda desk: {"estimate": found})  # type: ignore[arg-type]
        app = visit("train")
        app.button(key="train_estimate").click().run()
        # 16 epochs of 100 steps of .1, .2 and .4 s, and 10 s each: 320, 480 and 800 s
        assert "About **8 min**, 5 min to 13 min" in words(app) and "1.0 GiB of memory" in words(app)
        app.number_input(key="train_training.epochs").set_value(2).run()
        assert "About **60 s**, 40 s to 100 s".replace("100 s", "2 min") in words(app)

    def test_one_that_fails_keeps_the_training_from_its_start(
        self, measured: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(desk: Desk) -> dict[str, object]:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

        monkeypatch.setitem(process.WORK, "estimate", fail)  # type: ignore[arg-type]
        app = visit("train")
        app.button(key="train_estimate").click().run()
        assert "there is not enough memory for it" in words(app) and app.button(key="train_start").disabled

    def test_one_whose_process_was_killed_says_so(self, measured: Path, visit: Visit) -> None:
        desk = estimates._desk(load_config(Path("configs/fisa.yaml"), ("data.name=planted-small",)))
        desk.folder.mkdir(parents=True)
        desk.write("progress.json", {"stage": "data"})
        assert "ended without a word" in words(visit("train"))
        with FileLock(desk.folder / "lock"):
            app = visit("train")
            assert "train_estimate_stop" in [button.key for button in app.button]
            app.button(key="train_estimate_stop").click().run()
            assert desk.asked_to_stop


class TestWatch:
    @pytest.fixture
    def path(self, full: Path, runs: Path) -> Path:
        """A training with one epoch of two, whose process is nowhere."""
        path = start_training(CONFIG, runs)
        (path / "training" / "history.csv").write_text(HISTORY)
        (path / "training" / "checkpoint").write_bytes(b"")
        (path / "job" / "log.txt").write_text("<b>epoch 1</b>")
        return path

    def test_while_it_runs_its_progress_epochs_and_log_are_shown(self, path: Path, visit: Visit) -> None:
        progress = {"stage": "train", "done": 7, "total": 10, "seconds_left": 125.0, "epoch": 1, "pid": 1}
        Desk(path / "job").write("progress.json", progress)
        with FileLock(path / "job" / "lock"):
            app = visit("train", job="small-1")
            assert not app.exception and not app.warning and "Pause" in labels(app) and "Go on" not in labels(app)
            assert app.dataframe[0].value["validation_kl"].tolist() == [1.5]
            assert app.get("progress")[0].proto.text == "Epoch 2 of 2: step 7 of 10, about 2 min left"
            assert "<b>epoch 1</b>" in [code.value for code in app.code]
            app.button(key="train_pause").click().run()
            assert (path / "job" / "stop").exists() and app.button(key="train_pause").disabled
            listed = visit("train")
            assert listed.get("progress")[0].proto.text.startswith("Epoch 2 of 2")

    @pytest.mark.parametrize(
        ("state", "said"),
        [
            ("paused", "Paused by hand. It goes on after epoch 1."),
            ("failed", "the <b>disk</b> is full"),
            ("", "killed"),
        ],
    )
    def test_one_that_does_not_run_says_why_and_goes_on(
        self, state: str, said: str, path: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if state:
            ended(path, state, "the <b>disk</b> is full")
        app = visit("train", job="small-1")
        assert not app.exception and said in words(app)
        resumed: list[Path] = []
        monkeypatch.setattr(Desk, "start", lambda desk, *asked: resumed.append(desk.folder))
        app.button(key="train_resume").click().run()
        assert resumed == [path / "job"] and not app.exception

    def test_it_is_removed_for_good_and_the_form_comes(self, path: Path, runs: Path, visit: Visit) -> None:
        app = visit("train", job="small-1")
        app.button(key="train_delete").click().run()
        assert not path.exists() and not app.exception and "A new training" in words(app)
        assert "job" not in app.query_params

    def test_a_variant_starts_from_its_configuration(self, path: Path, visit: Visit) -> None:
        app = visit("train", job="small-1")
        app.button(key="train_variant").click().run()
        assert app.query_params["base"] == "training/small-1" and not app.exception
        assert app.selectbox(key="train_data.name").value == "planted-tiny"
        assert app.number_input(key="train_training.epochs").value == 2

    def test_what_cannot_go_on_says_why(self, path: Path, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
        app = visit("train", job="small-1")
        monkeypatch.setattr(trainings, "AT_ONCE", 0)
        app.button(key="train_resume").click().run()
        assert not app.exception and "wait for one of them" in words(app)

    def test_a_training_that_is_gone_leads_to_the_nearest_and_says_so(self, path: Path, visit: Visit) -> None:
        app = visit("train", job="small-9")
        assert not app.exception and app.query_params["job"] == "small-1"
        assert "There is no training “small-9” here; showing “small-1” instead" in words(app)

    def test_a_finished_one_leads_to_explain(self, full: Path, runs: Path, tiny_runs: Path, visit: Visit) -> None:
        shutil.copytree(tiny_runs / "cnn", runs / "cnn-9")
        (runs / "cnn-9" / "job").mkdir()
        Desk(runs / "cnn-9" / "job").write("job.json", {"began": 1.0, "epochs": 2})
        ended(runs / "cnn-9", "finished")
        (training,) = list_trainings(runs)
        assert training.state == "finished" and training.usable
        app = visit("train", job="cnn-9")
        assert not app.exception and len(app.dataframe[0].value) == 2
        (link,) = [each for each in app.get("page_link") if each.proto.label == "Explain it"]
        assert link.proto.query_string == "run=cnn-9"
        assert "cnn-9" in app.sidebar.selectbox[0].options
        assert "Trainings" in words(visit("train"))

    def test_a_folder_that_cannot_be_read_is_a_sentence(self, full: Path, runs: Path, visit: Visit) -> None:
        runs.write_text("a file")
        app = visit("train")
        assert not app.exception
        app.button(key="train_start").click().run()
        assert "cannot be written" in words(app) and not app.exception
