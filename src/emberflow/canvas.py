"""A drawing as SVG text or PNG bytes, equal input giving equal bytes; the look all drawings share. Knows matplotlib, not records."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#24292f"
FAINT = "#7a828c"
FITS = "#0072b2"
MISSES = "#d55e00"
ROOM = "#009e73"
STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,  # a label may hold dollar signs
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "svg.fonttype": "none",  # text stays text: found by searching, read aloud, and a third of the size
    "svg.hashsalt": "emberflow",
}

_DRAWING = Lock()  # matplotlib's settings belong to the process, and Prefect runs tasks in threads
_TAG = re.compile(r"<[^>]+>")
_REFERENCE = re.compile(r'( id="|url\(#|href="#)')


@dataclass(frozen=True)
class Plot:
    """A drawing that is made when asked for; `width` and `height` in inches, `alt` says it in words."""

    draw: Callable[["Figure"], None]
    width: float
    height: float
    alt: str

    def svg(self, scope: str = "") -> str:
        """One `<svg>` element, transparent, its text as text. `scope` goes before every id, so that several can stand in one page."""
        text = self._render("svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))).decode()
        return _TAG.sub(lambda tag: _REFERENCE.sub(rf"\g<1>{scope}", tag[0]), text[text.index("<svg") :])

    def png(self, dpi: int = 160) -> bytes:
        """A PNG file on white, `dpi` pixels an inch."""
        return self._render("png", dpi=dpi, facecolor="white", metadata={"Software": None})

    def _render(self, format: str, **options: Any) -> bytes:  # noqa: A002 - matplotlib's own word
        import matplotlib as mpl  # noqa: PLC0415 - importing it takes a second, and the command line lists recipes without drawing
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415

        file = io.BytesIO()
        settings: Any = {**mpl.rcParamsDefault, **STYLE}  # not what a user's matplotlibrc says
        with _DRAWING, mpl.rc_context(settings):
            figure = Figure(figsize=(self.width, self.height), layout="constrained")
            FigureCanvasAgg(figure)
            self.draw(figure)
            figure.savefig(file, format=format, **options)
        return file.getvalue()
