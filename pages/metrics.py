import pandas as pd
import streamlit as st

from fisa import studies
from fisa.language import mark, tr
from fisa.metrics import METRICS
from fisa.studies.published import published_table
from fisa.ui import cache, confusion, export, metrics_export, reading, state, transfer, widgets


def comparison(table: pd.DataFrame) -> None:
    about = table.attrs
    rated, stepwise = "ccc_mean" in table, "step_kl" in table
    name = f"{about['data']} {about['split']}"
    key = "_".join(("", name, *(str(about[part]) for part in ("data_version", "n", "space"))))
    if rated:
        name = tr("{data} {split}, valence and arousal", data=about["data"], split=about["split"])
    help_of = "table_rated" if rated else "table_sequences" if stepwise else "table"
    reading.header(name, help_of, key)
    columns = studies.columns_of(table)
    counted = tr("{n} test sequences", n=about["n"]) if stepwise else tr("{n} test images", n=about["n"])
    text = mark("{counted}, data version {version}. Best run in bold.")
    if (table["kind"] == "oracle").any():
        text = mark(
            "{counted}, data version {version}. Best run in bold; those marked *oracle* know the scene and stand "
            "outside the contest."
        )
    st.markdown(tr(text, counted=counted, version=state.plain(about["data_version"])))
    shown, best = shaped(table, columns)
    widgets.html_table(shown, best, alt=tr("Measures of every run on {name}", name=name))
    with st.container(horizontal=True):
        stem = f"{about['data']}-{about['split']}-{about['data_version']}"
        export.comparison_files(table, stem, f"{help_of}{key}")
    st.caption("  \n".join(state.plain(tr(note)) for note in about["notes"]))
    with st.expander(tr("What each measure is")):
        rows = {tr(column.title): [tr(column.convention)] for column in columns.values()}
        widgets.html_table(pd.DataFrame.from_dict(rows, orient="index", columns=[tr("convention")]))


def shaped(table: pd.DataFrame, columns: dict[str, studies.Column]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table turned, a row a measure, a column a system, best run first, and which cells are the best's."""
    first = table["kind"] == "run"
    table = pd.concat([table[first][::-1], table[~first]])
    systems = [tr(studies.system_of(row)) for _, row in table.iterrows()]
    shown, best = {}, {}
    for key, column in columns.items():
        title = f"{tr(column.title)} {'↑' if column.higher_is_better else '↓'}"
        shown[title] = [widgets.number(value, column.digits) for value in table[key]]
        if f"{key}_low" in table:
            ends = zip(shown[title], table[f"{key}_low"], table[f"{key}_high"], strict=True)
            bounds = f"[{{:.{column.digits}f}}, {{:.{column.digits}f}}]"
            shown[title] = [cell if low != low else f"{cell} {bounds.format(low, high)}" for cell, low, high in ends]
        runs = table[key].where(table["kind"] == "run").round(column.digits)
        top = runs.max() if column.higher_is_better else runs.min()
        best[title] = [key not in studies.GAPS and value == top for value in runs]
    shape = {"orient": "index", "columns": systems}
    return pd.DataFrame.from_dict(shown, **shape), pd.DataFrame.from_dict(best, **shape)


def published_texts() -> pd.DataFrame:
    titles = {f"{each.title} {arrow}": f"{tr(each.title)} {arrow}" for each in METRICS.values() for arrow in "↑↓"}
    return published_table().rename(columns={**titles, "data": tr("data")})


state.enter("metrics")
with st.container(horizontal=True, vertical_alignment="bottom"):
    st.title(tr("Metrics"), anchor=False, width="content")
    tools = st.container(width="content")
chosen = widgets.picked_run()
settled = None
with widgets.guard():
    if chosen is not None:
        transfer.settle(chosen)
        settled = chosen
with widgets.guard():
    state.share("run", "moved")
    tables, problems = cache.tables() if cache.run_folders() else ([], [])
    for error in problems:
        widgets.problem(error)
    for table in tables:
        comparison(table)
with widgets.guard():
    if settled is not None:
        mistakes, mass = confusion.draw(settled), transfer.draw(settled)
        if mistakes is not None or mass is not None:
            with tools:
                export.draw(metrics_export.of_mistakes(settled, cache.test_data(settled), mistakes, mass))
reading.header(tr("Published, on photographs"), "published")
st.markdown(tr("Results as their authors report them, on real data sets; never to be compared with planted scenes."))
widgets.html_table(published_texts(), digits=2, alt=tr("Published measures on real data sets"))
