"""Declarations of ``explain``, ``grade``, ``shifts`` and ``familiarity``; the work is in ``fisa.commands``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fisa.commands.arguments import RunFolder, TableFormat

ATTRIBUTIONS = (
    "attention", "contributions", "interaction",
    "integrated_gradients", "gradient_shap", "grad_cam", "occlusion", "feature_ablation",
)  # fmt: skip

UNCOMPARED = ("attention", "contributions", "interaction", "grad_cam")
"""Those that take no baseline."""

FORMS: tuple[Literal["svg", "png", "pdf"], ...] = ("svg", "png", "pdf")

EXPLAIN = "Example: `python -m fisa explain artifacts/fisa planted:iid:17 --out explained`"


def explain(
    run: RunFolder,
    image: Annotated[
        str, typer.Argument(metavar="IMAGE", help="Image file, or DATASET:SPLIT:INDEX, such as planted:iid:17.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to make; must not exist. Default: JSON on stdout.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(help=f"Attribute --target to places instead, by one of {', '.join(ATTRIBUTIONS)}."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="What to attribute: an emotion's logit, such as fear, or in a gauge, fear@absent or fear@awe,anger; "
            "a difference, fear-awe; what awe does to fear, fear<-awe; kl (to the truth); entropy."
        ),
    ] = None,
    baseline: Annotated[
        Literal["blur", "mean", "black"] | None,
        typer.Option(help="What --method compares the image with. Default: blur; all three for gradient_shap."),
    ] = None,
    head: Annotated[
        int | None, typer.Option(min=1, help="Head of --method interaction. Default: the mean of all.")
    ] = None,
    forms: Annotated[
        list[str] | None,
        typer.Option("--format", help=f"Of the figures in DIR: {', '.join(FORMS)}; may be repeated. Default: all."),
    ] = None,
) -> None:
    """Explain one prediction: attention for each emotion, interaction of emotions, signed contributions.

    The JSON holds all numbers: distribution (0 to 1), entropy (nats), logits and bias, attention and its null share
    (sum to 1 for each emotion), and by head effect (1 is indifferent), interaction (rows sum to 1) and contributions
    (signed, in logits; rows receive, columns give; logits = bias + their sum over heads and columns). Its familiarity
    says how far an image lies from what the run was trained on; null for images of the run's own splits.

    With --method and --target: a signed map (values, rows from the top) in units of the target (logits, or nats), the
    target's value, its delta to the baseline, and the gap between that and the map's sum; a gap above 1 % of delta, and
    above 0.001, is told. With it the method's grades, where the run carries any.

    DIR, whole or not there at all, holds index.html, a page of its own that needs no network; explanation.json and
    attribution.json (without --method of the predicted emotion, by the fastest that applies); the same as CSV tables
    and NumPy's arrays.npz; overlays as PNG; and in figures/ each figure for print, one column (82 mm) and two (174 mm)
    wide. Every figure and page names run, data, image and command.
    """
    from fisa.commands import explain as command

    if (method is None) != (target is None):
        raise typer.BadParameter("--method and --target belong together", param_hint="--method")
    if method is None and (baseline is not None or head is not None):
        raise typer.BadParameter("is for --method", param_hint="--baseline" if baseline is not None else "--head")
    if baseline is not None and method in UNCOMPARED:
        raise typer.BadParameter(f"{method} compares the image with nothing; leave it away", param_hint="--baseline")
    if head is not None and method != "interaction":
        raise typer.BadParameter("is for --method interaction", param_hint="--head")
    wrong = [form for form in forms or () if form not in FORMS]
    if wrong:
        raise typer.BadParameter(f"no form {wrong[0]!r}; there are {', '.join(FORMS)}", param_hint="--format")
    if forms and out is None:
        raise typer.BadParameter("is for the figures in --out DIR", param_hint="--format")
    asked = None if method is None or target is None else command.Asked(method, target, baseline, head)
    command.explain(run, image, out, tuple(form for form in FORMS if not forms or form in forms), asked)


GRADE = "Example: `python -m fisa grade artifacts/fisa --scenes 100 --method contributions --method grad_cam`"


def grade(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run folders, such as artifacts/fisa; or folders of submissions."),
    ],
    methods: Annotated[
        list[str] | None,
        typer.Option("--method", help=f"Of {', '.join(ATTRIBUTIONS)}; may be repeated. Default: all that apply."),
    ] = None,
    splits: Annotated[
        list[str] | None,
        typer.Option(
            "--split",
            help="Split of the planted data, such as iid, or fresh-1 for new scenes; may be repeated. Default: iid.",
        ),
    ] = None,
    located: Annotated[int, typer.Option(min=1, help="Scenes for localisation.")] = 2000,
    scenes: Annotated[int, typer.Option(min=1, help="Scenes for interaction recovery and the path test.")] = 500,
    attributed: Annotated[int, typer.Option(min=1, help="Of these, scenes for faithfulness and validity.")] = 100,
    checked: Annotated[
        int, typer.Option(min=0, help="Of those, scenes for deletion, insertion, sanity and stability.")
    ] = 40,
    control: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="A run of this architecture with training.shuffle_labels=true, as a check."),
    ] = None,
    form: Annotated[
        Literal["markdown", "csv", "json"], typer.Option("--format", help="csv and json have every number exactly.")
    ] = "markdown",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON file to write as well; must not exist.")
    ] = None,
    store: Annotated[
        bool, typer.Option("--store", help="Keep the grades in the run folder, where the studio finds them.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Compute what is stored or kept from an earlier call, too.")
    ] = False,
) -> None:
    """Grade the explanations of runs on planted scenes, where it is known which places bear which emotion.

    A row for each run, split, grade and subject: value, 95 % bootstrap interval over scenes (each with its
    counterfactuals), units and scenes, and on iid the goal, kept or missed. Kinds: method; baseline, what is had
    without understanding; ceiling. Localisation is a share of hits; faithfulness, validity, sanity and stability are
    Spearman's correlations, -1 to 1; deletion and insertion are 0 like a random order and 1 like the oracle's; paths
    are shares of the whole change.

    The defaults take some 25 minutes of processor time a run of 96 px, most of it in integrated_gradients and
    gradient_shap. Each part is kept in the cache folder as it is finished, so that after an interruption the same
    command goes on, and a finished grading answers at once; parts of another run, version of the data or of the code,
    or other numbers of scenes do not count. Else nothing is written but --out, which is whole or absent (of several
    runs or splits a list), and with --store grades.json of the run, where they take the place of earlier ones of the
    split.

    A folder with submission.json holds explanations of another program (docs/planted-affect.md); it is graded on all
    scenes that it covers, by what it holds, and what that leaves out is told.
    """
    if any((folder / "submission.json").is_file() for folder in runs):
        if methods or splits or control is not None or store or again:
            raise typer.BadParameter(
                "goes with --format and --out alone, as it is graded as it is", param_hint="a submission"
            )
        from fisa.commands import submission

        submission.grade_submissions(runs, form, out)
        return
    from fisa.commands import grade as command
    from fisa.explain.report import GradeSettings

    settings = GradeSettings(located, scenes, attributed, checked, tuple(methods) if methods else None)
    command.grade(runs, settings, splits or ["iid"], control, form, out, store, again)


SHIFTS = "Example: `python -m fisa shifts artifacts/fisa --split clutter-0 --split clutter-3`"


def shifts(
    run: RunFolder,
    splits: Annotated[
        list[str] | None,
        typer.Option("--split", help="Condition, such as rendering or clutter-3; may be repeated. Default: all."),
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            help=f"Of {', '.join(ATTRIBUTIONS)}; may be repeated. Default: contributions and grad_cam, if they apply.",
        ),
    ] = None,
    located: Annotated[int, typer.Option(min=1, help="Scenes of each condition for score and localisation.")] = 300,
    scenes: Annotated[
        int, typer.Option(min=1, help="Scenes of each, with counterfactuals, for recovery and faithfulness.")
    ] = 100,
    form: Annotated[
        Literal["markdown", "csv", "json"], typer.Option("--format", help="csv and json have every number exactly.")
    ] = "markdown",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="File to write instead; must not exist.")] = None,
) -> None:
    """Grade a run under each shift and level of clutter of its planted data, beside the unshifted test split.

    A row a condition: score (1 the truth, 0 the constant predictor), localisation (share of hits), interaction recovery
    (correlation, slope, share of right signs), faithfulness and validity (Spearman's correlations), with 95 % bootstrap
    intervals over scenes. Beside score stand oracles that know the latents; beside localisation a random point on any
    motif. rendering: drawings that training never shows. triple: emotions never seen together, to be read beside
    "iid, three emotions". strength: weak or strong, never between. palette: brighter, darker, greyer, more vivid than
    any in training. clutter-0 to clutter-3: the same scenes with 0, 2, 4, 6 distractors. Some 10 minutes.
    """
    from fisa.commands import shifts as command
    from fisa.explain.shifts import CONDITIONS, ShiftSettings

    settings = ShiftSettings(located, scenes, tuple(methods) if methods else None, tuple(splits or CONDITIONS))
    command.shifts(run, settings, form, out)


FAMILIARITY = "Example: `python -m fisa familiarity artifacts/fisa --against palette --against noise --against photos`"


def familiarity(
    run: RunFolder,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            help="Other images: a file, folder or pattern; DATASET or DATASET:SPLIT, such as planted-tiny:rendering; a "
            "split of the run's own data, such as palette; or noise. May be repeated.",
        ),
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="Images of each, at most.")] = 500,
    skip: Annotated[
        int, typer.Option(min=0, help="Files of each path of --against to leave out, such as those seen before.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the order in which files are taken, and of noise.")] = 0,
    form: TableFormat = "markdown",
) -> None:
    """Count the images that a run says are unlike its training images, in its test split and elsewhere.

    A row for the test split of its data and for each --against: images, how many of them are far, and their share with
    a 95 % interval (Clopper and Pearson's). An image is far where at least 99 % of validation images lie nearer to the
    training images (docs/methods.md, section 16.2): about one in a hundred of the run's own kind.

    Of drawn scenes the first --images count; files are taken in an order by chance, after the first --skip of it, so
    that --skip 300 leaves out what --images 300 counts. Noise is half uniform, half smoothed. Files that cannot be
    decoded are told and do not count; then the exit status is 1. What is known of the training images is kept in the
    cache folder, so that a second call is quicker.
    """
    from fisa.commands import familiarity as command

    command.print_familiarity(run, against or [], images, skip, seed, form)
