# Sourced by scripts/test, once the environment is there: a browser for the tests of pages.
# shellcheck shell=sh

# The system's, or the one that Playwright fetches.
has_chromium() {
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    "$python" - <<'END'
import sys
from pathlib import Path
from playwright.sync_api import sync_playwright

with sync_playwright() as playwright:
    sys.exit(not Path(playwright.chromium.executable_path).exists())
END
}

# Afterwards there is one, or it has been said what to install.
get_chromium() {
    has_chromium && return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing Chromium, in which the tests open pages" >&2
        if (
            export DEBIAN_FRONTEND=noninteractive
            apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null
        ); then
            return 0
        fi
        echo "apt-get could not install Chromium (its own words stand above)." >&2
    fi
    echo "The tests of pages need Chromium: sudo apt install chromium, or" >&2
    echo "    .venv/bin/python -m playwright install --with-deps chromium" >&2
    return 1
}
