"Print what CHANGELOG.md says of a version: the text of its release. `python tools/release_notes.py [VERSION]`; that of settings.ini by default."
import re
import sys
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def version():
    config = ConfigParser(delimiters=['='])
    config.read(ROOT/'settings.ini', encoding='utf-8')
    return config['DEFAULT']['version']


def notes(version, changelog):
    "The section of a version; an error if there is none, or if it has no day yet."
    found = re.search(rf'^## {re.escape(version)} \((.+?)\)\n(.*?)(?=^## |\Z)', changelog, re.M|re.S)
    if not found: sys.exit(f'CHANGELOG.md has no section "## {version} (YYYY-MM-DD)": write one')
    if not re.fullmatch(r'\d{4}-\d\d-\d\d', found[1]): sys.exit(f'CHANGELOG.md calls {version} {found[1]}: give it its day, as YYYY-MM-DD')
    return found[2].strip()


if __name__ == '__main__': print(notes((sys.argv[1:] or [version()])[0].removeprefix('v'), (ROOT/'CHANGELOG.md').read_text(encoding='utf-8')))
