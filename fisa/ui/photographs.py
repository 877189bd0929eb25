"""A person's own photographs: decoded or refused one by one, predicted together, shown like a test image."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import TypeVar

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fisa import distances
from fisa.datasets import DataError
from fisa.explain.familiarity import Familiarity, familiarity, is_kept, reference_of
from fisa.images import ImageRefused, decode_within
from fisa.language import mark, tr
from fisa.records import Attribution, Explanation
from fisa.runs import Run
from fisa.tables import inert_csv
from fisa.ui import attributions, cache, methods, reading
from fisa.ui.cache import Subject
from fisa.ui.counted import counted
from fisa.ui.meters import meter
from fisa.ui.methods import Shown
from fisa.ui.state import plain

Thing = TypeVar("Thing")

_UPLOADER, _KEPT, _PLACES = "photographs", "photographs_kept", "photographs_places"
FEW = 8
"""Photographs that are looked at without a bar of progress, and refusals that stand on the page at once."""
KEPT = 24
"""Photographs that a session remembers for the Map, in their files' own form."""


def upload() -> list[UploadedFile]:
    """Draw the field for photographs; the session remembers what was chosen, also on other pages."""
    return st.file_uploader(
        tr("Photographs (JPEG, PNG, WebP, TIFF and more; nothing leaves this machine)"), accept_multiple_files=True,
        key=_UPLOADER, on_change=_remember,
    )  # fmt: skip


def _remember() -> None:
    # Streamlit drops the files of a field that is on no page.
    files = named(st.session_state.get(_UPLOADER) or ())
    st.session_state[_KEPT] = {name: file.getvalue() for name, file in list(files.items())[:KEPT]}


def named(uploads: Iterable[UploadedFile]) -> dict[str, UploadedFile]:
    """Return uploads by names of their own: of several files of one name the later ones are numbered."""
    files: dict[str, UploadedFile] = {}
    for upload in uploads:
        names = chain([upload.name], (f"{upload.name} ({number})" for number in count(2)))
        files[next(name for name in names if name not in files)] = upload
    return files


def remembered() -> dict[str, bytes]:
    """Return the photographs that were last chosen in this session, content by name."""
    kept: dict[str, bytes] = st.session_state.get(_KEPT, {})
    return kept


def forget() -> None:
    """Forget the photographs of this session."""
    st.session_state.pop(_KEPT, None)


def decoded(uploads: Sequence[UploadedFile] | None) -> tuple[dict[str, Subject], list[str]]:
    """Decode uploads; return those that are images by a name of their own, and one sentence for each refusal."""
    subjects: dict[str, Subject] = {}
    refused: list[str] = []
    for name, upload in _counted(named(uploads or ()).items(), tr("Reading photographs …")):
        try:
            found = _decoded(upload.file_id, name, upload)
        except ImageRefused as error:
            refused.append(str(error))
        else:
            subjects[name] = replace(found, file=upload.getvalue())
    return subjects, refused


def tell_refused(refused: Sequence[str]) -> None:
    """Say why photographs were refused; of many, the rest in a list that is folded away."""
    for sentence in refused[:FEW]:
        st.warning(plain(sentence), icon=":material/block:")
    if len(refused) > FEW:
        st.warning(tr("{n:,} more were refused.", n=len(refused) - FEW), icon=":material/block:")
        with st.expander(tr("Which, and why")):
            st.markdown("  \n".join(plain(sentence) for sentence in refused[FEW:]))


def _counted(things: Collection[Thing], what: str) -> Iterator[Thing]:
    """Pass things on; where they are many, a bar says how many have been done."""
    if len(things) <= FEW:
        yield from things
        return
    with meter(what) as report:
        for number, thing in enumerate(things):
            yield thing
            report(number + 1, len(things))


@st.cache_data(max_entries=512, show_spinner=False)
@counted("photograph")
def _decoded(file_id: str, name: str, _upload: UploadedFile) -> Subject:
    """Decode what is shown of a photograph; its file, which Streamlit holds already, is not kept a second time."""
    content = _upload.getvalue()
    return replace(cache.photograph(name, decode_within(content, cache.PHOTOGRAPH, name), content), file=None)


def predictions(run: Run, subjects: Mapping[str, Subject]) -> pd.DataFrame:
    """Return one row a photograph: its name, one degree an emotion, the strongest label, the entropy in nats."""
    rows = {
        name: cache.explanation(run, subject).distribution
        for name, subject in _counted(subjects.items(), tr("Looking at photographs …"))
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(run.space.labels)).rename_axis("file")
    values = table.to_numpy(float)
    table["label"] = [run.space.labels[index] for index in values.argmax(1)]
    table["entropy"] = distances.entropy(values)
    return table


def say_if_far(run: Run, subject: Subject) -> Familiarity | None:
    """Say how far a photograph lies from what the run was trained on; what that takes is looked at once for each run.

    Call it last, in a container above what it is about, so that a person can read on meanwhile.

    Returns:
        What it says; None where that cannot be said.
    """
    try:
        if not is_kept(run):
            with meter(tr("Looking at training images, once for this run …")) as progress:
                reference_of(run, progress)
        found = _familiarity(run.digest, subject.digest, run, subject)
    except DataError as error:
        why = plain(str(error))
        st.caption(tr("How far it lies from the training images cannot be said: {why}", why=why))
        return None
    known = {"run": plain(run.name), "nearer": found.nearer, "n": found.held_out}
    if found.far:
        text = tr(
            "This photograph lies far from all that {run} was trained on: {nearer:.1%} of {n} images that the training "
            "did not see lie nearer to it. Read the prediction, and what explains it, with care.", **known,
        )  # fmt: skip
        st.warning(text, icon=":material/explore_off:")
    else:
        text = tr(
            "It lies among what {run} was trained on: {nearer:.1%} of {n} images that the training did not see lie "
            "nearer to it than this photograph does.", **known,
        )  # fmt: skip
        st.caption(text)
    return found


@st.cache_data(max_entries=256, show_spinner=False)
def _familiarity(run_digest: str, image_digest: str, _run: Run, _subject: Subject) -> Familiarity:
    (found,) = familiarity(_run, [_subject.seen_by(_run)])
    return found


def pick(names: Sequence[str]) -> str:
    """Draw the choice between several photographs; return the chosen one."""
    if len(names) == 1:
        return names[0]
    if st.session_state.get("photograph") not in names:
        st.session_state["photograph"] = names[0]
    chosen: str = st.selectbox(tr("Explain"), names, key="photograph")
    return chosen


def settle_places(run: Run, found: Explanation, subject: Subject, emotion: str) -> tuple[str, ...]:
    """Resolve what :func:`places` shows, where a person has opened it; return the names that are shared."""
    if not st.session_state.get(_PLACES):
        return ()
    methods.settle()
    return (*attributions.settle(run, found, subject, emotion), "methods")


def places(run: Run, found: Explanation, subject: Subject, emotion: str) -> tuple[Attribution | None, Shown | None]:
    """Draw which places speak for a target, as Explain does: closed until it is asked for, so that nobody waits.

    Returns:
        What is shown: of one method, and of every method side by side.
    """
    reading.header(tr("Which places speak for it"), "attribution")
    if not st.toggle(tr("Ask methods of attribution"), key=_PLACES):
        st.caption(tr("One method's signed map with its grade, or every method side by side."))
        return None, None
    return attributions.draw(run, found, subject, emotion), methods.draw(run, found, subject, emotion)


def show_table(table: pd.DataFrame, run: Run, refused: int) -> None:
    """Draw the table of predictions with its download."""
    names = zip(run.space.labels, run.space.names, strict=True)
    columns = {
        **{name: st.column_config.Column(tr(name)) for name in (mark("file"), mark("label"), mark("entropy"))},
        **{label: st.column_config.NumberColumn(name, format="percent") for label, name in names},
    }
    shown = table[["label", *run.space.labels, "entropy"]].assign(label=table["label"].map(tr))
    st.dataframe(shown, column_config=columns, alt=tr("Predictions, a row a file"))
    download(table, run, refused)


def download(table: pd.DataFrame, run: Run, refused: int) -> None:
    """Offer predictions as a file, and say how many there are."""
    rows = table.assign(run=run.name, run_digest=run.digest).reset_index()
    text = inert_csv(rows)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button("CSV", text, "predictions.csv", "text/csv", icon=":material/download:", on_click="ignore")
        text = tr("{predicted} predicted, {refused} refused, by {run}.",
                  predicted=len(table), refused=refused, run=plain(run.name))  # fmt: skip
        st.caption(text, width="content")
        if len(run.space):
            reading.show("photographs")
