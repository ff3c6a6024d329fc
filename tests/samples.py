"""The text of `/metrics`, as numbers."""

from prometheus_client.parser import text_string_to_metric_families


class Samples:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self._values = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        """The value of one series; 0 where there is none."""
        return self._values.get((f"imagehost_{name}", frozenset(labels.items())), 0.0)

    def __contains__(self, name: str) -> bool:
        return any(known == f"imagehost_{name}" for known, _ in self._values)

    def labels(self, name: str, label: str) -> set[str]:
        """All values that a label has."""
        return {dict(labels)[label] for known, labels in self._values if known == f"imagehost_{name}"}
