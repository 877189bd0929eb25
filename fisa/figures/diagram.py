"""How FISA works, at a glance: a drawn SVG in the colours of the theme."""

from __future__ import annotations

import math
import re

from fisa.emotions import MIKELS8
from fisa.figures.checks import wheel_order
from fisa.figures.theme import FONT, Palette, Theme, colour_at, palette, rgb, rgba
from fisa.language import mark, tr

_WIDTH, _HEIGHT = 640, 506
_CARD = (196, 230)  # width and height
_COLUMNS, _ROWS = (2, 222, 442), (4, 270)

# Where each emotion of the drawn picture is found, as (x, y) in cells of a 6 x 5 attention map; None: absent.
_SEEN = {
    "amusement": (2.0, 1.0),
    "awe": (3.2, 2.4),
    "contentment": (1.0, 3.5),
    "excitement": (4.6, 0.7),
    "anger": None,
    "disgust": None,
    "fear": (0.4, 0.4),
    "sadness": (4.4, 3.8),
}
_DEGREES = {  # a plausible distribution for the wheel, not a measurement
    "amusement": 0.13,
    "awe": 0.27,
    "contentment": 0.19,
    "excitement": 0.16,
    "anger": 0.02,
    "disgust": 0.02,
    "fear": 0.09,
    "sadness": 0.12,
}


def method_diagram(theme: Theme = "light") -> str:
    """Return an inline SVG that explains FISA in six drawn steps; it scales with its container.

    The steps and symbols are those of the FISA draft (see fisa/models/fisa.py): feature map E, attention
    M_k = softmax g(E·L_k), class features F_k, effect Eff = psi(q_i)^T phi(k_j) + 1 per head, and the readout
    written as contributions. All drawn numbers are illustrations.

    Args:
        theme: ``"light"`` or ``"dark"``; the background stays transparent.

    Raises:
        FigureError: An unknown theme.
    """
    colours = palette(theme)
    steps = [
        (tr("image"), tr("what the eye sees"), "x", _picture()),
        (tr("feature map"), tr("backbone, N places"), "E", _feature_map(colours)),
        (tr("attention"), tr("a map per emotion"), "M_k = softmax g(E·L_k)", _attention_maps(colours)),
        (tr("class features"), tr("pooled by each map"), "F_k = Σ_p M_k,p F_p", _class_features()),
        (tr("interaction"), tr("H heads, signed"), "Eff = ψ(q_i)^T φ(k_j) + 1", _heads(colours)),
        (tr("distribution"), tr("all contributions"), "z_i = b_i + Σ_h,j c_hij", _small_wheel(colours)),
    ]
    cards = []
    for number, (title, note, equation, art) in enumerate(steps):
        x, y = _COLUMNS[number % 3], _ROWS[number // 3]
        cards.append(_card(x, y, number + 1, title, note, equation, art, colours))
    heading = tr("How FISA predicts a distribution over emotions")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="100%" role="img" '
        'aria-labelledby="fisa-method-title fisa-method-desc" '
        f'font-family="{FONT.replace(chr(34), chr(39))}" style="max-width:820px;display:block;margin:0 auto">'
        f'<title id="fisa-method-title">{heading}</title>'
        f'<desc id="fisa-method-desc">{tr(_DESCRIPTION)}</desc>'
        f"{_arrows(colours)}{''.join(cards)}</svg>"
    )


_DESCRIPTION = mark(
    "Six steps. 1: the image. 2: a backbone turns it into a feature map E of N places. "
    "3: each of the eight emotions has an attention map M of its own over these places, made with its label embedding. "
    "4: each map pools the features into one class feature F per emotion. "
    "5: in several interaction heads emotions strengthen or weaken each other, as a signed matrix shows. "
    "6: bias and contributions add up to a logit z for each emotion, and the logits become the distribution, "
    "drawn on the emotion wheel."
)


def _card(x: int, y: int, number: int, title: str, note: str, equation: str, art: str, colours: Palette) -> str:
    width, height = _CARD
    return (
        f'<g transform="translate({x} {y})">'
        f'<rect width="{width}" height="{height}" rx="14" fill="{colours.panel}" stroke="{colours.grid}"/>'
        f'<g transform="translate({width // 2} 74)">{art}</g>'
        f'<circle cx="19" cy="163" r="10.5" fill="{colours.ink}"/>'
        f'<text x="19" y="168" font-size="14" font-weight="700" text-anchor="middle" fill="{colours.surface}">'
        f"{number}</text>"
        f'<text x="37" y="169" font-size="19" font-weight="700" fill="{colours.ink}">{title}</text>'
        f'<text x="10" y="193" font-size="16.5" fill="{colours.muted}">{_symbols(note)}</text>'
        f'<text x="10" y="216" font-size="17.5" font-style="italic" fill="{colours.ink}" '
        f"font-family=\"Georgia, 'Times New Roman', serif\">{_symbols(equation)}</text></g>"
    )


def _symbols(text: str) -> str:
    """Set ``_abc`` as a subscript and ``^T`` as a superscript."""

    def shift(match: re.Match[str]) -> str:
        down = match[1] == "_"
        fall, rise = (4, -4) if down else (-6, 6)
        # The closing shift needs a character to sit on; a zero-width one leaves the spacing alone.
        return f'<tspan dy="{fall}" font-size="12">{match[2]}</tspan><tspan dy="{rise}">&#8203;</tspan>'

    return re.sub(r"([_^])(h,j|hij|k,p|[a-zA-Z])", shift, text)


def _arrows(colours: Palette) -> str:
    parts = []
    for row in _ROWS:
        for column in _COLUMNS[:2]:
            parts.append(_arrow(f"M{column + _CARD[0] + 2} {row + 74}h14", column + _CARD[0] + 20, row + 74, colours))
    start, end = _COLUMNS[2] + _CARD[0] // 2, _COLUMNS[0] + _CARD[0] // 2
    middle = (_ROWS[0] + _CARD[1] + _ROWS[1]) / 2
    path = f"M{start} {_ROWS[0] + _CARD[1] + 1}V{middle - 8}q0 8 -8 8H{end + 8}q-8 0 -8 8V{_ROWS[1] - 6}"
    tip = f'<path d="M{end - 6} {_ROWS[1] - 9}l6 8l6 -8z" fill="{colours.muted}"/>'
    line = f'<path d="{path}" fill="none" stroke="{colours.muted}" stroke-width="2.5"/>'
    return "".join(parts) + line + tip


def _arrow(path: str, x: int, y: int, colours: Palette) -> str:
    return (
        f'<path d="{path}" stroke="{colours.muted}" stroke-width="2.5" fill="none"/>'
        f'<path d="M{x - 8} {y - 6}l8 6l-8 6z" fill="{colours.muted}"/>'
    )


def _picture() -> str:
    """A landscape with a balloon, a house, a storm cloud and somebody alone, 168 x 120 around the origin."""
    return (
        '<g transform="translate(-84 -60)">'
        '<rect width="168" height="120" rx="8" fill="#9fd0ee"/>'
        '<circle cx="132" cy="26" r="21" fill="#fff3c4" fill-opacity="0.6"/>'
        '<circle cx="132" cy="26" r="13" fill="#ffd95e"/>'
        '<path d="M40 84L92 34L122 64L134 54L164 84z" fill="#6f86a8"/>'
        '<path d="M92 34L78 48l9 3l6 -5l7 6l8 -3z" fill="#f4f8fc"/>'
        '<path d="M0 82q44 -20 90 -4t78 -4V112a8 8 0 0 1 -8 8H8a8 8 0 0 1 -8 -8z" fill="#7fb069"/>'
        '<path d="M0 98q60 -16 168 0V112a8 8 0 0 1 -8 8H8a8 8 0 0 1 -8 -8z" fill="#5f9552"/>'
        '<path d="M6 25a10 10 0 0 1 12 -13a13 13 0 0 1 24 4a8.5 8.5 0 0 1 1 17H14a8 8 0 0 1 -8 -8z" fill="#5b6478"/>'
        '<path d="M27 33l-6 11h6l-3 10l10 -14h-6l4 -7z" fill="#ffe27a"/>'
        '<path d="M63 20c9 0 14 7 12 15c-1 6 -7 10 -9 14h-6c-2 -4 -8 -8 -9 -14c-2 -8 3 -15 12 -15z" fill="#e8604c"/>'
        '<path d="M63 20c-4 6 -4 20 -1 29h2c3 -9 3 -23 -1 -29z" fill="#ffd9b0"/>'
        '<rect x="59" y="52" width="8" height="6" rx="1.5" fill="#8a5a3b"/>'
        '<rect x="20" y="84" width="30" height="22" fill="#f6e7cf"/><path d="M15 86L35 68L55 86z" fill="#b5523b"/>'
        '<rect x="31" y="92" width="8" height="14" fill="#8a5a3b"/>'
        '<rect x="42" y="89" width="5" height="6" fill="#ffd95e"/>'
        '<circle cx="127" cy="92" r="4.2" fill="#2e3a52"/><path d="M121 110q0 -13 6 -13t6 13z" fill="#2e3a52"/>'
        '<path d="M114 110h27" stroke="#6b4a33" stroke-width="3"/></g>'
    )


def _feature_map(colours: Palette) -> str:
    """Three stacked grids of 6 x 5 places, seen at an angle."""
    layers = []
    for depth in (2, 1, 0):
        cells = []
        for row in range(5):
            for column in range(6):
                strength = 0.5 + 0.5 * math.sin(1.7 * column + 2.3 * row * (depth + 1) + depth)
                fill = rgb(colour_at(colours.sequential, 0.1 + 0.75 * strength))
                cells.append(
                    f'<rect x="{column * 18}" y="{row * 18}" width="16.5" height="16.5" rx="2.5" fill="{fill}"/>'
                )
        layers.append(
            f'<g transform="translate({-66 + 15 * depth} {-35 - 11 * depth})">'
            f'<rect x="-3" y="-3" width="112.5" height="94.5" rx="5" fill="{colours.panel}" stroke="{colours.muted}"/>'
            f"{''.join(cells)}</g>"
        )
    return "".join(layers)


def _attention_maps(colours: Palette) -> str:
    """Eight maps of 6 x 5 places in wheel order; an emotion that the picture lacks looks nowhere."""
    maps = []
    for place, i in enumerate(wheel_order(MIKELS8)):
        centre = _SEEN[MIKELS8.labels[i]]
        cells = []
        for row in range(5):
            for column in range(6):
                strength = 0.06
                if centre is not None:
                    strength += 0.94 * math.exp(-((column - centre[0]) ** 2 + (row - centre[1]) ** 2) / 1.5)
                cells.append(
                    f'<rect x="{column * 6.5:g}" y="{row * 9:g}" width="6.5" height="9" fill="{MIKELS8.colours[i]}" '
                    f'fill-opacity="{strength:.2f}"/>'
                )
        x, y = -88 + 45.5 * (place % 4), -54 + 57 * (place // 4)
        maps.append(
            f'<g transform="translate({x:g} {y:g})"><rect x="-1.5" y="-1.5" width="42" height="48" rx="4" '
            f'fill="{colours.surface}" stroke="{MIKELS8.colours[i]}" stroke-width="1.5"/>{"".join(cells)}</g>'
        )
    return "".join(maps)


def _class_features() -> str:
    """Eight vectors, one a row, in the emotions' colours; those of absent emotions are faint."""
    parts = []
    for place, i in enumerate(wheel_order(MIKELS8)):
        y = -56 + 14.2 * place
        faint = 0.35 if _SEEN[MIKELS8.labels[i]] is None else 1.0
        parts.append(f'<circle cx="-78" cy="{y + 5.5:g}" r="4.5" fill="{MIKELS8.colours[i]}"/>')
        for cell in range(9):
            strength = faint * (0.18 + 0.82 * abs(math.sin(2.1 * cell + 1.3 * place * place + 0.4)))
            parts.append(
                f'<rect x="{-66 + 17 * cell}" y="{y:g}" width="15" height="11" rx="2" '
                f'fill="{MIKELS8.colours[i]}" fill-opacity="{strength:.2f}"/>'
            )
    return "".join(parts)


def _heads(colours: Palette) -> str:
    """A stack of heads; the front one shows signed cells, blue against orange."""
    back = "".join(
        f'<rect x="{-60 + shift}" y="{-46 - shift}" width="107" height="107" rx="5" fill="{colours.surface}" '
        f'stroke="{colours.muted}" stroke-opacity="{opacity}"/>'
        for shift, opacity in ((20, 0.45), (10, 0.7))
    )
    cells = []
    for row in range(8):
        for column in range(8):
            value = math.sin(1.9 * row + 2.7 * column) * math.cos(0.8 * row * column + 0.5)
            value = 0.75 if row == column else value if abs(value) > 0.3 else 0.0
            fill = rgb(colour_at(colours.diverging, 0.5 + 0.48 * value))
            cells.append(f'<rect x="{column * 13}" y="{row * 13}" width="12" height="12" rx="1.5" fill="{fill}"/>')
    front = (
        f'<g transform="translate(-58 -44)"><rect x="-2" y="-2" width="107" height="107" rx="5" '
        f'fill="{colours.surface}" stroke="{colours.muted}"/>{"".join(cells)}</g>'
    )
    return back + front


def _small_wheel(colours: Palette) -> str:
    """The wheel with one predicted distribution."""
    rim, parts, corners = 60.0, [], []
    order = wheel_order(MIKELS8)
    for place, i in enumerate(order):
        low, high = (math.tau * (place + half) / 8 for half in (-0.485, 0.485))
        parts.append(
            f'<path d="M0 0L{_around(low, rim)}A{rim:g} {rim:g} 0 0 1 {_around(high, rim)}Z" '
            f'fill="{MIKELS8.colours[i]}" fill-opacity="0.3"/>'
            f'<path d="M{_around(low, rim)}A{rim:g} {rim:g} 0 0 1 {_around(high, rim)}" fill="none" '
            f'stroke="{MIKELS8.colours[i]}" stroke-width="5"/>'
        )
        corners.append(_around(math.tau * place / 8, rim * _DEGREES[MIKELS8.labels[i]] / 0.3))
    line = colours.series[0]
    dots = "".join(f'<circle cx="{c.split()[0]}" cy="{c.split()[1]}" r="2.6" fill="{line}"/>' for c in corners)
    return (
        f'{"".join(parts)}<path d="M{"L".join(corners)}Z" fill="{rgba(line, 0.3)}" stroke="{line}" '
        f'stroke-width="2.5" stroke-linejoin="round"/>{dots}'
    )


def _around(angle: float, distance: float) -> str:
    return f"{distance * math.sin(angle):.2f} {-distance * math.cos(angle):.2f}"
