"""Bars as SVG, in a few lines: no library draws so little so plainly."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

_ROW, _NAMES, _BARS, _GAP = 22, 300, 380, 40
_OURS, _OTHERS, _FLOOR = "#1f6feb", "#8c959f", "#d0d7de"
_TEXT: Final = '<text x="{x}" y="{y}" text-anchor="{anchor}" font-weight="{weight}">{text}</text>\n'


def bars(panels: Sequence[tuple[str, Sequence[tuple[str, float]]]]) -> str:
    """One panel below the other: a title, and names with figures, the least first."""
    parts, y = list[str](), 0
    for title, figures in panels:
        y += _GAP
        parts.append(_TEXT.format(x=8, y=y - 12, anchor="start", weight="bold", text=escape(title)))
        most = max(figure for _, figure in figures)
        for name, figure in sorted(figures, key=lambda each: each[1]):
            width = max(1.0, _BARS * figure / most)
            plain = name.replace("`", "").replace("*", "")
            colour = _OURS if plain.startswith("exchstream") else _FLOOR if plain.startswith("floor") else _OTHERS
            parts.append(_TEXT.format(x=_NAMES - 8, y=y + 15, anchor="end", weight="normal", text=escape(plain)))
            parts.append(f'<rect x="{_NAMES}" y="{y + 3}" width="{width:.1f}" height="{_ROW - 6}" fill="{colour}"/>\n')
            shown = f"{figure:.1f}" if figure < 100 else f"{figure:.0f}"
            parts.append(_TEXT.format(x=_NAMES + width + 6, y=y + 15, anchor="start", weight="normal", text=shown))
            y += _ROW
    width, height = _NAMES + _BARS + 60, y + 10
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
    head += 'font-size="12">\n'
    return f'{head}<rect width="{width}" height="{height}" fill="white"/>\n{"".join(parts)}</svg>\n'
