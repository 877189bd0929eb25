"""What an offline page may hold, read by the parser of the standard library."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Collects the elements, texts and tables of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._cell:
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def check_offline(self) -> None:
        """Nothing runs, nothing is fetched, every picture lies inside and has its words, and the policy says so."""
        names = {name for name, _ in self.elements}
        assert names.isdisjoint(
            {"script", "link", "iframe", "object", "embed", "base", "form", "svg", "video", "audio"}
        )
        for name, attributes in self.elements:
            assert not any(key.startswith("on") for key in attributes)
            assert all(
                not str(attributes.get(key, "")).startswith(("http", "//")) for key in ("src", "srcset", "style")
            )
            if name == "img":
                assert str(attributes["src"]).startswith("data:image/") and attributes["alt"]
        policies = [a["content"] for _, a in self.elements if a.get("http-equiv") == "Content-Security-Policy"]
        assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
