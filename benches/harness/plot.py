"""Lines over a logarithmic axis, as SVG text: enough for growth, and readable in light and dark."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 76, 24, 44, 48
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1a1a1a } .axis { stroke: #8a8a8a } .grid { stroke: #8a8a8a; opacity: .25 }
.line { fill: none; stroke: #2257d6; stroke-width: 2 } .dot { fill: #2257d6 } .title { font-weight: 600 }
@media (prefers-color-scheme: dark) {
  text { fill: #e8e8e8 } .line { stroke: #8ab0ff } .dot { fill: #8ab0ff }
}"""


def growth(title, unit, points):
    """A line through `points`, pairs of a number above 0 and a value; each value is written beside its dot."""
    numbers, values = zip(*points)
    top = _round_up(max(values))
    low, high = math.log10(min(numbers)), math.log10(max(numbers))

    def x(number):
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(number) - low) / ((high - low) or 1)

    def y(value):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top

    parts = [f'<text class="title" x="{LEFT}" y="22">{escape(title)}</text>']
    for step in range(5):
        value = top * step / 4
        parts.append(f'<line class="{"axis" if step == 0 else "grid"}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{_short(value)}</text>')
    path = " ".join(f"{x(number):.1f},{y(value):.1f}" for number, value in points)
    parts.append(f'<polyline class="line" points="{path}"/>')
    for place, (number, value) in enumerate(points):
        anchor = "start" if place == 0 else "end" if place == len(points) - 1 else "middle"
        parts.append(f'<circle class="dot" cx="{x(number):.1f}" cy="{y(value):.1f}" r="3.5"/>')
        parts.append(f'<text x="{x(number):.1f}" y="{y(value) - 9:.1f}" text-anchor="{anchor}">{_short(value)}</text>')
        parts.append(f'<text x="{x(number):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="{anchor}">{number:,}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="22" text-anchor="end">{escape(unit)}</text>')
    drawn = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">\n'
        f"<style>{STYLE}</style>\n{drawn}\n</svg>\n"
    )


def _round_up(value):
    if value <= 0:
        return 1
    scale = 10 ** math.floor(math.log10(value * 1.1))
    return next(step * scale for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15) if step * scale >= value * 1.1)


def _short(value):
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
