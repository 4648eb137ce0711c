"""Write docs/checks.md from the checks themselves."""

from pathlib import Path

from tsct.validation.report import checks_page

if __name__ == "__main__":
    page = Path(__file__).parent.parent / "docs" / "checks.md"
    page.write_text(checks_page(), encoding="utf-8")
    print(f"{page}: written")
