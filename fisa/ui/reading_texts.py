"""What ``fisa.ui.reading`` says of each view. All of it is text: nothing here is computed, and no page adds to it."""

from __future__ import annotations

from dataclasses import dataclass

from fisa.language import mark


@dataclass(frozen=True)
class Reading:
    """How a view is read.

    Attributes:
        words: One or two sentences, as Markdown; English, looked up where it is shown.
        formula: What is drawn, in LaTeX, with the symbols of docs/methods.md.
        section: Anchor of the heading in docs/methods.md that derives it.
    """

    words: str
    formula: str
    section: str


# fmt: off
READINGS: dict[str, Reading] = {
    # Home
    "runs": Reading(
        mark("Score 1 is the truth, 0 what a constant reaches, and below 0 is worse than that. Localisation is the "
             "share of emotions whose attention peaks on their own motifs."),
        r"\mathrm{score} = 1 - \sum_x \mathrm{KL}(p_x \Vert q_x) \Big/ \sum_x \mathrm{KL}(p_x \Vert \bar p)",
        "34-score-on-planted-data"),
    "scenes": Reading(
        mark("Each scene is drawn from strengths of its emotions, which act on one another by known rules, so that its "
             "true distribution is known. A click explains it."),
        r"p = \mathrm{softmax}(z), \quad z_i = \beta s_i + \gamma_i + \textstyle\sum_{j \ne i} A_{ij} s_i s_j",
        "14-planted-affect"),
    "diagram": Reading(
        mark("From left to right: each emotion looks at places of its own, what it finds becomes a feature, features "
             "act on one another, and each logit is the sum of what they contribute."),
        r"F_k = \textstyle\sum_r M_{kr} X_r, \quad F^{Ad}_{hi} = \sum_j W_{hij} v_{hj}, \quad "
        r"z_i = b_i + \sum_{h,j} c_{hij}",
        "6-semantic-enhanced-representation"),
    # One image
    "settings": Reading(
        mark("Keys of the configurations whose values differ; all others are equal, the name aside. What differs in "
             "one key alone is an ablation; more keys cannot be told apart."),
        r"\{k : c_A(k) \ne c_B(k)\}",
        "13-training"),
    "errors": Reading(
        mark("Each dot is a test image: its error under the first run across, under the second upwards. Below the "
             "diagonal the second run is nearer to the truth."),
        r"e_A = \mathrm{KL}(p \Vert q_A), \qquad e_B = \mathrm{KL}(p \Vert q_B)",
        "42-slices-of-a-test-split"),
    "overlay": Reading(
        mark("Where the chosen emotion looks; brightness is relative to the largest value of its own map, so compare "
             "places and not maps. The null share is attention that rests on no place."),
        r"M_{kr} = (1 - n_k)\, e^{a_{kr}} \Big/ \textstyle\sum_{r'} e^{a_{kr'}}",
        "6-semantic-enhanced-representation"),
    "wheel": Reading(
        mark("Each spoke is an emotion, and the distance from the middle its share; neighbours on the wheel are alike. "
             "Where two outlines part, prediction and truth differ."),
        r"\theta_k = 2\pi \ell(k) / C, \qquad \textstyle\sum_k q_k = 1",
        "2-label-spaces-and-the-wheel"),
    "contributions": Reading(
        mark("Bars to the right raise the logit of this emotion, bars to the left lower it; with the bias they add up "
             "to it exactly. They are not what would happen without that emotion."),
        r"z_i = b_i + \textstyle\sum_h \sum_j c_{hij}",
        "10-contributions"),
    "among": Reading(
        mark("Each measure of this image, and the share of test images on which the run does worse. KL is 0 where "
             "prediction and truth are equal; votes are few, so that most measures of them favour blur."),
        r"\mathrm{KL}(t \Vert q) = \textstyle\sum_k t_k \log (t_k / q_k)",
        "3-measures"),
    "attribution": Reading(
        mark("Warm places raise the target, cold ones lower it, each method by its own question. A complete map sums "
             "to the change of the target from its baseline; the gap says what is missing."),
        r"\textstyle\sum_r \phi_r + \phi_0 = f(x) - f(x')",
        "151-attribution"),
    "deletion": Reading(
        mark("Places go in the order of each map, the most telling first: with a good map the target falls sooner, and "
             "rises sooner as they come back, than with places in random order."),
        r"\text{gain} = \overline{f_{\text{random}} - f_{\text{map}}} "
        r"\,/\, \lvert f_{\text{whole}} - f_{\text{blurred}} \rvert",
        "152-grades"),
    "matrices": Reading(
        mark("A row receives, a column acts. Effects above 1 are cooperation and below 1 competition; weights are "
             "their shares of a row; contributions add up to the logits."),
        r"W_{hij} = E_{hij} \Big/ \textstyle\sum_{j'} E_{hij'}, \qquad c_{hij} = W_{hij}\,(w_{ih} \cdot v_{hj})",
        "8-interaction"),
    "extras": Reading(
        mark("What only this system computes on its way to the prediction; other systems have no counterpart, so that "
             "nothing here compares runs of different kinds."),
        r"x \mapsto (q, \ \text{extras})",
        "18-the-other-systems"),
    "what_if": Reading(
        mark("Change the picture or the model, and see every logit move. Changes are exact; where the scene is known "
             "they are also given less the mean change of emotions that it does not show."),
        r"\Delta z_i^{\ast} = \Delta z_i - \frac{1}{\lvert \mathcal A \rvert} \textstyle\sum_{a \in \mathcal A} "
        r"\Delta z_a",
        "153-what-if"),
    "ratings": Reading(
        mark("Valence runs from −1, unpleasant, to 1, pleasant; arousal from −1, calm, to 1, excited. The error of an "
             "image is the mean of both squared differences."),
        r"e = \tfrac{1}{2} \left( (r_v - \hat r_v)^2 + (r_a - \hat r_a)^2 \right)",
        "35-valence-and-arousal"),
    "sequence": Reading(
        mark("Upper bands are true, lower ones predicted, step by step; dotted lines stand where the emotion changes. "
             "A change counts as found if one is predicted within a step of it."),
        r"\overline{\mathrm{KL}} = \tfrac{1}{T} \textstyle\sum_{t} \mathrm{KL}(p_t \Vert q_t)",
        "1810-multimodal-sequences"),
    # Photographs
    "photographs": Reading(
        mark("One row a photograph: the predicted share of each emotion, the largest of them, and the entropy, which "
             "is 0 where one emotion has everything. Nothing is known of the truth."),
        r"q_i = e^{z_i} \Big/ \textstyle\sum_k e^{z_k}, \qquad \mathrm{Ent}(q) = -\sum_k q_k \log q_k",
        "9-readout-and-output"),
    # Parts of a test split
    "gallery": Reading(
        mark("The strip below a picture shows the prediction above the truth; the number is that by which the images "
             "are sorted. Next and Previous on Explain keep to this order and filter."),
        r"e = \mathrm{KL}(p \Vert q), \qquad \text{fixed by } B = e_A - e_B, \qquad \text{broken by } B = e_B - e_A",
        "42-slices-of-a-test-split"),
    "mean_measures": Reading(
        mark("Means over these images beside those over all, with 95 % intervals; where two intervals lie apart, "
             "chance does not explain it. Images picked by their error err more by construction."),
        r"\bar m = \tfrac{1}{N} \textstyle\sum_n m_n, \qquad [\bar m^{*}_{2.5\,\%},\ \bar m^{*}_{97.5\,\%}]",
        "4-intervals-and-comparison-tables"),
    "slices_found": Reading(
        mark("Groups of images on which the run errs more than on the rest, more than chance explains over all groups "
             "looked at. They are questions: confirm them on fresh scenes."),
        r"\bar e - \bar e' \pm t_{\nu}(1 - .05 / 2m) \sqrt{s^2 / n + s'^2 / n'}",
        "42-slices-of-a-test-split"),
    "paired": Reading(
        mark("The difference of two runs on the same images, with its 95 % interval: one that leaves out 0 is more "
             "than resampling the images explains. It says nothing of another training seed."),
        r"\Delta = \tfrac{1}{N} \textstyle\sum_n (m_{An} - m_{Bn})",
        "4-intervals-and-comparison-tables"),
    # Interactions
    "head_means": Reading(
        mark("Mean matrices over the chosen test images: a row receives, a column acts. What stands here is habit; "
             "what happens in one image is on Explain."),
        r"\bar c_{hij} = \tfrac{1}{N} \textstyle\sum_n c_{hij}(x_n)",
        "154-heads-over-a-data-set"),
    "head_pair": Reading(
        mark("The images in which one emotion pushes another most, up or down; the number is its contribution to that "
             "logit."),
        r"c_{ij}(x) = \textstyle\sum_h c_{hij}(x)",
        "10-contributions"),
    "head_likeness": Reading(
        mark("1 where two heads do the same, on average (left) or image by image (right); a head that another is like "
             "in both is redundant. The table says what silencing each of them costs."),
        r"\mathrm{CKA}(X, Y) = \lVert X^\top Y \rVert_F^2 \Big/ \lVert X^\top X \rVert_F \lVert Y^\top Y \rVert_F",
        "154-heads-over-a-data-set"),
    "head_known": Reading(
        mark("Learned contributions beside what else is known of pairs. Going with co-occurrence alone would be a "
             "habit of the labels; going with the planted effects is an interaction that was learned."),
        r"y_i^{\ast} = y_i - \frac{1}{\lvert \mathcal A \rvert} \textstyle\sum_{a \in \mathcal A} y_a",
        "11-the-absent-gauge"),
    # Map and retrieval
    "map": Reading(
        mark("Near dots look alike to the run; distances between far groups, their sizes and the axes mean nothing. "
             "Trustworthiness 1 says that who is near on the map was near before it."),
        r"T(k) = 1 - \frac{2}{N k (2N - 3k - 1)} \textstyle\sum_i \sum_{j \in U_k(i)} (r(i, j) - k)",
        "16-the-map"),
    "map_selection": Reading(
        mark("What is selected beside all test images: mean error and entropy with intervals, and the mean "
             "distributions on the wheel."),
        r"\bar e_S = \tfrac{1}{\lvert S \rvert} \textstyle\sum_{n \in S} \mathrm{KL}(p_n \Vert q_n)",
        "4-intervals-and-comparison-tables"),
    "map_neighbours": Reading(
        mark("Left, the images that the run sees as most alike; right, those of which it predicts the most similar "
             "feelings. Both by distances before the projection."),
        r"d(q, q') = \sqrt{\tfrac{1}{2} \mathrm{KL}(q \Vert m) + \tfrac{1}{2} \mathrm{KL}(q' \Vert m)}, \quad "
        r"m = (q + q') / 2",
        "16-the-map"),
    "retrieval": Reading(
        mark("The nearest test images, nearest first, each with its distance. Right ones share the emotion, or the "
             "polarity, of the image that is asked for."),
        r"P_k = \tfrac{1}{k} \textstyle\sum_{i \le k} r_i",
        "161-retrieval"),
    "retrieval_scores": Reading(
        mark("Mean average precision is 1 where all right images come before all wrong ones; beside it stands what a "
             "random order reaches. In brackets 95 % intervals over queries."),
        r"\mathrm{AP} = \tfrac{1}{R} \textstyle\sum_i r_i P_i",
        "161-retrieval"),
    # Grades
    "goals": Reading(
        mark("What the full method is meant to reach on scenes of its own kind, set beforehand; every run is held to "
             "the same limits, and those it cannot have do not apply."),
        r"\text{kept} \iff \text{grade} \ge \text{limit} \quad (\le \text{ for leak, relay and absent})",
        "152-grades"),
    "grades": Reading(
        mark("A method is worth what it has beyond the baselines, which understand nothing, and below the ceiling, "
             "which knows the truth. Bars are 95 % intervals over scenes."),
        r"\hat y_{ij} = (c_{ij}(x) - c_{ij}(x \setminus j))^{\ast} \quad \text{against} \quad A_{ij} s_i s_j",
        "152-grades"),
    "shifts": Reading(
        mark("The same grade on scenes that differ from training in one thing. A line that falls says that the "
             "explanation, and not only the prediction, rests on what has changed."),
        r"\Delta = \text{grade}_{\text{shifted}} - \text{grade}_{\text{iid}}",
        "14-planted-affect"),
    # Tables of runs
    "table": Reading(
        mark("Best run in bold; oracles know the scene and do not compete. The gap is the paired difference to the "
             "best run of this table, with its interval."),
        r"\mathrm{KL}(p \Vert q) = \textstyle\sum_k p_k \log (p_k / q_k)",
        "3-measures"),
    "table_rated": Reading(
        mark("RMSE is an error; CCC is 1 only where predicted and rated are equal, and 0 for every constant; Pearson's "
             "r ignores level and scale."),
        r"\mathrm{CCC} = 2 s_{r \hat r} \Big/ \left( s_r^2 + s_{\hat r}^2 + (\bar r - \bar{\hat r})^2 \right)",
        "35-valence-and-arousal"),
    "table_sequences": Reading(
        mark("Every step counts alike, and intervals draw whole sequences. A change is found if one is predicted "
             "within a step of it; each counts once."),
        r"F_1 = 2\,\text{matched} \Big/ (\text{predicted} + \text{true})",
        "1810-multimodal-sequences"),
    "confusion": Reading(
        mark("Rows are true, columns predicted, and each row sums to 1. A run that has learned more than chance errs "
             "near the diagonal: to neighbours on the wheel, within one polarity."),
        r"N_{ij} \Big/ \textstyle\sum_{j'} N_{ij'}",
        "36-single-labels"),
    "transfer": Reading(
        mark("How much mass goes from a true emotion (row) to a predicted one (column) by the cheapest way round the "
             "wheel; what stays is left out. Near the diagonal it is put on a neighbour."),
        r"\min_T \textstyle\sum_{ij} T_{ij}\, \mathrm{steps}(i, j), \qquad \sum_j T_{ij} = p_i, \quad "
        r"\sum_i T_{ij} = q_j",
        "31-earth-movers-distances"),
    "published": Reading(
        mark("As their authors print them, on photographs: other images, other votes, other splits. No number here may "
             "be held against one of the tables above."),
        r"\mathrm{Clark} = \sqrt{\textstyle\sum_k \left( \frac{t_k - q_k}{t_k + q_k} \right)^2}, \qquad "
        r"\mathrm{Clark} / \sqrt C",
        "3-measures"),
    # Studies
    "study": Reading(
        mark("One row a system: means over seeds and images, under equal search. The difference is to the reference; "
             "its p value is adjusted over all systems."),
        r"\Delta = \tfrac{1}{S_A N} \textstyle\sum_{a,n} e_{an} - \tfrac{1}{S_B N} \sum_{b,n} e_{bn}",
        "41-studies"),
    "study_differences": Reading(
        mark("Left of 0 a system errs less than the reference, right of it more; the interval holds for other images "
             "and other seeds alike."),
        r"\Delta = \tfrac{1}{S_A N} \textstyle\sum_{a,n} e_{an} - \tfrac{1}{S_B N} \sum_{b,n} e_{bn}",
        "41-studies"),
    "study_claims": Reading(
        mark("A positive difference speaks for the claim. Its verdict follows from p after Holm's procedure over all "
             "claims; left open is not to say that there is no difference."),
        r"p_{(i)}^{\mathrm{Holm}} = \max_{j \le i} \min\left(1, (m - j + 1)\, p_{(j)}\right)",
        "41-studies"),
    "study_draft": Reading(
        mark("What the draft prints for each setting, and what the same setting comes to here. Theirs is on "
             "photographs, ours on drawn scenes: compare the order within a column, never two numbers."),
        r"a \cdot \mathrm{EMD}(t, q) + (1 - a)\, \lvert \mathrm{Ent}(t) - \mathrm{Ent}(q) \rvert",
        "17-ours-against-the-draft"),
    # Data
    "splits": Reading(
        mark("How many images each part of the data holds, and on how many votes the distribution of one of them "
             "rests."),
        r"t_k = \text{votes for } k \,/\, \text{votes}",
        "1-notation"),
    "mean_distribution": Reading(
        mark("How much of all feeling falls to each label: the mean of all distributions. A constant prediction of it "
             "is what the tables call the constant."),
        r"\bar t_k = \tfrac{1}{N} \textstyle\sum_n t_{nk}",
        "2-label-spaces-and-the-wheel"),
    "totals": Reading(
        mark("All votes for each label, from rare to frequent. The draft's EMD compares cumulative distributions in "
             "this order, which is fixed when a training begins."),
        r"\mathrm{EMD}(t, q) = \left( \tfrac{1}{C} \textstyle\sum_k \lvert \sum_{l \le k} (t_l - q_l) \rvert^r "
        r"\right)^{1/r}",
        "12-objective"),
    "entropy": Reading(
        mark("How much raters differ on an image: 0 where all name one label, ln C where every label gets as much. The "
             "draft calls it density."),
        r"\mathrm{Ent}(t) = -\textstyle\sum_k t_k \log t_k",
        "3-measures"),
    "together": Reading(
        mark("Left: of the images on which the row's label was named, the share on which the column's was, too. Right: "
             "whether the two degrees rise together; as degrees sum to 1, most fall."),
        r"P(j \mid i) = \lvert t_i > 0 \wedge t_j > 0 \rvert \,/\, \lvert t_i > 0 \rvert",
        "154-heads-over-a-data-set"),
    "rated_images": Reading(
        mark("Each dot is an image: to the right pleasant, upwards excited, on the scale of its raters."),
        r"r \in [-1, 1]^2",
        "35-valence-and-arousal"),
    "votes": Reading(
        mark("How many raters each distribution rests on: the fewer, the coarser it is, and the less a measure on it "
             "tells a good prediction from a blurred one."),
        r"t = \tfrac{1}{n} \mathrm{Multinomial}(n, p)",
        "33-which-measures-are-proper"),
    # Train
    "curves": Reading(
        mark("Training loss and validation number by epoch: the first falls on what is learned, the second on what is "
             "not shown to it. The epoch of the best validation number is kept."),
        r"\text{kept} = \arg\min_{\text{epoch}} \mathrm{KL}_{\text{validation}}(t \Vert q)",
        "13-training"),
}
# fmt: on
"""By the name that pages call it: how each view is read."""
