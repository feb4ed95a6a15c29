"""The page behind every report: text is escaped, nothing is loaded from elsewhere."""

from html.parser import HTMLParser

from tlmlp.page import Page


class Tags(HTMLParser):
    """Names and attributes of all tags, and the text between them."""

    def __init__(self):
        super().__init__()
        self.tags, self.words = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data.strip())


def test_a_page_escapes_its_text_and_is_self_contained(tmp_path):
    (tmp_path / "dot.png").write_bytes(b"\x89PNG")
    page = Page("a < b & c")
    page.heading("<script>alert(1)</script>")
    page.table(["name", "error (meV)"], [["x<y", 1.23456789], ["none", None]])
    page.records([{"force_mae": 0.5}])
    page.list(["first", "<b>second</b>"])
    page.figure(tmp_path / "dot.png", 'a "quoted" caption')
    page.commands(["tlmlp --help"])
    page.settings({"model": {"cutoff": 5.0}})
    page.write(tmp_path / "page.html")
    seen = Tags()
    seen.feed((tmp_path / "page.html").read_text())
    names = [name for name, _ in seen.tags]
    assert "script" not in names and "b" not in names and names.count("table") == 2
    assert "a < b & c" in seen.words and "x<y" in seen.words and "1.235" in seen.words and "-" in seen.words
    assert "force mae" in seen.words and "<b>second</b>" in seen.words
    image = next(attributes for name, attributes in seen.tags if name == "img")
    assert image["src"] == "data:image/png;base64,iVBORw==" and image["alt"] == 'a "quoted" caption'
    assert not any(key in attributes for name, attributes in seen.tags if name != "img" for key in ("src", "href"))
