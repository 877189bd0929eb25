import pandas as pd
import streamlit as st

from fisa import figures
from fisa.runs import Run
from fisa.ui import browse, cache, rated, state, steps, widgets

COLOURS = {"emotion": "Dominant emotion", "error": "Error (KL to the truth)", "entropy": "Entropy of the prediction"}
RATED = {"valence": "Predicted valence", "arousal": "Predicted arousal", "error": "Mean squared error"}


def page(run: Run) -> None:
    if steps.is_sequence(run):
        steps.notice(run)
        return
    points = run.map
    if points is None:
        st.info(f"{state.plain(run.name)} has no map yet; training it with `python -m fisa train` makes one.")
        return
    dataset = cache.test_data(run)
    _, name = browse.settle(run, dataset)
    colours = RATED if rated.is_rated(run) else COLOURS
    colour = state.resolve("colour", list(colours), next(iter(colours)), "colouring", state.get("colour") in COLOURS)
    state.share("run", "image", "colour")
    st.markdown(
        f"Every dot is a test image, placed by what {state.plain(run.name)} sees in it. Click one to explain it."
    )
    widgets.choose("colour", list(colours), "Colour by", st.segmented_control, colours.__getitem__, required=True)

    chart, preview = st.columns([4, 1], gap="medium")
    with chart:
        table = cache.samples(run, dataset).set_index("id").loc[points["id"]]
        values = table["dominant" if colour == "emotion" else colour].to_numpy()
        space = run.space if colour == "emotion" else None
        figure = figures.embedding_map(points, values, space, name, state.theme())
        twin = points.assign(**{colours[colour]: values}).set_index("id")
        widgets.chart(figure, "map", twin, on_select=open_image)
        st.caption(words(points))
    with preview:
        st.image(cache.subject(dataset, name).picture, width="stretch", alt=f"The ringed image {name}")
        st.page_link("pages/explain.py", label=f"Ringed: {state.plain(name)}")
    if st.session_state.pop("map_picked", False):
        st.switch_page("pages/explain.py")


def words(points: pd.DataFrame) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in points.attrs.items())
    return f"t-SNE of the features of {len(points)} test images" + (f" ({settings})" if settings else "") + "."


def open_image() -> None:
    picked = widgets.selected("map")
    if picked is not None:
        state.put("image", widgets.first_text(picked))
        st.session_state["map_picked"] = True


state.enter("map")
st.title("Map", anchor=False)
chosen = widgets.picked_run()
if chosen is not None:
    with widgets.guard():
        page(chosen)
