"""docs/webhooks.md says what the providers' files say."""

from __future__ import annotations

import re
from pathlib import Path

from turnout.capture.webhooks import guide
from turnout.capture.webhooks.registry import FILES, PROVIDERS

PAGE = Path(__file__).parents[3] / "docs" / "webhooks.md"


def test_the_page_is_of_these_providers():
    renew = "python -m turnout.capture.webhooks.guide > docs/webhooks.md"
    assert PAGE.read_text(encoding="utf-8") == guide.page(), renew


def test_every_section_says_how_it_knows_and_from_where():
    for file in FILES:
        words = file.__doc__
        for part in ("Identity:", "Signature:", "Source:"):
            assert part in words, (file.__name__, part)
        # Whose types anybody may choose has no table of them.
        assert "|---|" in words or "type.*" in file.PROVIDER.options, file.__name__


def test_every_file_of_a_provider_is_registered():
    here = Path(guide.__file__).parent
    files = {
        path.stem
        for path in here.glob("*.py")
        if re.search(r"^PROVIDER\b.*= ", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert files == {file.__name__.rpartition(".")[2] for file in FILES}
    assert len(PROVIDERS) == len(FILES)
