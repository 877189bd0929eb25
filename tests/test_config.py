"""Configuration: unknown keys and values out of range are refused in one clear sentence."""

from pathlib import Path

import pytest

from fisa.config import ConfigError, RunConfig, dump_config, load_config, parse_config

CONFIGS = sorted(Path("configs").glob("*.yaml"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name: x\nmodle: {}", "unknown key 'modle'"),
        ("name: x\nmodel: {name: fisa, head: 8}", "unknown key 'model.head'"),
        ("name: x\nmodel: {name: fisa, dim: 10, heads: 4}", "model: dim 10 must be a multiple of heads 4"),
        ("name: x\nmodel: {name: vit}", "model: .*'vit'"),
        ("name: x\ntraining: {lr: -1}", "training.lr: .*greater than 0"),
        (
            "name: x\nobjective: {kl: 0}",
            "at least one of kl, ce, emd, density, metric, .*, vector and ratings must be positive",
        ),
        ("name: x\nmodel: {name: cnn}\nobjective: {evidence: 1}", "needs a model with evidence"),
        ("name: x\nmodel: {name: fisa, semantic_attention: none}", "set both to false"),
        ("name: x\ntraining: {lr: .inf}", "training.lr: .*finite number"),
        ("name: x\nmodel: {name: fisa, null_logit: .nan}", "model.null_logit: .*finite number"),
        ("name: x\ntraining: {seed: -1}", "training.seed: .*greater than or equal to 0"),
        ("name: x\ntraining: {seed: 4294967296}", "training.seed: .*below 4294967296"),
        ("name: x\ndata: {image_size: 99999999999}", "data.image_size: .*less than or equal to 2048"),
        ("name: ../up", "name: "),
        ("model: {name: fisa}", "name: Field required"),
        ("- a", "expected sections"),
        ("a: [", "not valid YAML"),
    ],
)
def test_refusals(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as refused:
        parse_config(text, "c.yaml")
    assert str(refused.value).startswith("c.yaml: ") and "\n" not in str(refused.value)


def test_overrides_reach_into_sections_and_are_validated() -> None:
    config = parse_config("name: x", "c", ("training.epochs=3", "model.name=cnn", "data.root=null"))
    assert (config.training.epochs, config.model.name, config.data.root) == (3, "cnn", None)
    for bad, complaint in [
        ("epochs", "expected section.key=value"),
        ("name.x=1", "is a value"),
        ("a=[", "not valid YAML"),
        ("data.name=2024-13-45", "--set data.name: not valid YAML .month must be in 1..12"),
        ("data.name=" + "[" * 5000, "nested too deeply"),
        ("data.fold=&a [*a]", "aliases"),
    ]:
        with pytest.raises(ConfigError, match=complaint):
            parse_config("name: x", "c", (bad,))


def test_a_dumped_configuration_reads_back_equal() -> None:
    config = RunConfig(name="x")
    assert parse_config(dump_config(config), "c") == config


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid_and_named_after_their_file(path: Path) -> None:
    assert load_config(path).name == path.stem
    assert path.read_text().startswith("#"), "the header states the command, the time it took and the score"
