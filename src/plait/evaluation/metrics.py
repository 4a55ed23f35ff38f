"""Metric: how a score is called, shown and compared."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """``name`` is for people; a ``share`` is shown in per cent."""

    name: str
    share: bool = True
    higher_is_better: bool = True

    @property
    def title(self) -> str:
        """The head of an axis."""
        return f"{self.name}, %" if self.share else self.name

    @property
    def factor(self) -> float:
        """From a validation's score, where more is better, to what is shown."""
        return (100.0 if self.share else 1.0) * (1 if self.higher_is_better else -1)

    def text(self, value: float | None, examples: int = 0) -> str:
        """The value with its unit."""
        if value is None:
            return "–"
        return percent(value, examples) if self.share else f"{value:.3f}"

    def bare(self, value: float | None, examples: int = 0) -> str:
        """The value without its unit."""
        return self.text(value, examples).removesuffix(" %")

    def better(self, one: float, other: float) -> bool:
        """Whether ``one`` is the better value."""
        return one > other if self.higher_is_better else one < other

    def gain(self, one: float, other: float) -> float:
        """By how much ``one`` is the better value."""
        return one - other if self.higher_is_better else other - one


METRICS = {
    "accuracy": Metric("accuracy"),
    "micro_f1": Metric("micro F1"),
    "span_f1": Metric("span F1"),
    "token_accuracy": Metric("token accuracy"),
    "word_error_rate": Metric("word error rate", higher_is_better=False),
    "character_error_rate": Metric("character error rate", higher_is_better=False),
    "ap50": Metric("AP50"),
    "ap": Metric("AP"),
    "bits_per_character": Metric("bits a character", share=False, higher_is_better=False),
}


def metric(name: str) -> Metric:
    return METRICS.get(name, Metric(name))


def percent(value: float | None, examples: int = 0) -> str:
    """A share as "97.8 %"; two digits where a thousand examples carry them. Never rounded up to 100 or down to 0."""
    if value is None:
        return "–"
    digits = 2 if examples >= 1000 else 1
    text = f"{100 * value:.{digits}f}"
    if value < 1 and float(text) == 100:
        text = f"{100 - 10**-digits:.{digits}f}"
    if value > 0 and float(text) == 0:
        text = f"{10**-digits:.{digits}f}"
    return f"{text} %"
