import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from fisa.explain.maps import is_complete, map_if_kept
from fisa.language import mark, tr
from fisa.runs import Run
from fisa.ui import browse, cache, export, map_beside, map_board, map_choice, map_export, state, steps, widgets

WHY = mark("Made once, in a process of its own, and kept; for its usual map every training does so at its end.")
MORE = mark(
    "How far this map can be trusted, the neighbours of its images, and where your photographs lie need the vectors "
    "of every image: computed once, in a process of its own."
)


def page(run: Run, tools: DeltaGenerator) -> None:
    if steps.is_sequence(run):
        steps.notice(run)
        return
    dataset = cache.test_data(run)
    walk = browse.settle_walk(run, dataset)
    made = map_choice.settle(run, dataset)
    second = map_choice.settle_second(run, made)
    map_choice.settle_looks(run)
    colours = map_choice.colouring(run, dataset)
    shown = map_if_kept(run, dataset, made)
    compared = ("against", "versus") if state.get("colour") == "difference" else ()
    state.share("run", *walk.keys, *map_choice.KEYS, *compared)
    st.markdown(
        tr(
            "Every dot is a test image, placed by what {run} sees in it. Click one to explain it, or draw around "
            "several.", run=state.plain(run.name),
        )
    )  # fmt: skip
    map_choice.controls(run, dataset, made)
    if walk.narrowed and not walk.order:
        browse.tell(walk)
    if shown is None:
        map_choice.work(run, dataset, made, tr("Make the map of {n:,} images", n=len(dataset)), tr(WHY))
        return
    maps = {"map": shown}
    if second is not None:
        other = map_if_kept(run, dataset, second)
        if other is None:
            map_choice.work(run, dataset, second, tr("Make the map of {n:,} images", n=len(dataset)), tr(WHY))
        else:
            maps["map_second"] = other
    complete = is_complete(run, dataset, shown)
    placed = {
        key: map_board.Placed(
            one, map_beside.placed(run, dataset, one) if complete and is_complete(run, dataset, one) else None
        )
        for key, one in maps.items()
    }

    def beside() -> None:
        map_beside.ringed(run, dataset, walk.chosen)
        if placed["map"].placed is not None:
            map_beside.photographs_note(placed["map"].placed)

    board = map_board.Board(run, dataset, placed, colours, walk)
    with tools:
        export.draw(map_export.of_maps(board))
    map_board.draw(board, beside)
    if complete:
        map_beside.neighbours(run, dataset, shown, walk.chosen)
    elif second is None or len(maps) > 1:
        map_choice.work(run, dataset, made, tr("Look at all {n:,} images", n=len(dataset)), tr(MORE))


state.enter("map")
with st.container(horizontal=True, vertical_alignment="bottom"):
    st.title(tr("Map"), anchor=False, width="content")
    tools = st.container(width="content")
chosen_run = widgets.picked_run()
if chosen_run is not None:
    with widgets.guard():
        page(chosen_run, tools)
