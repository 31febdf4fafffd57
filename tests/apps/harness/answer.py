"""What both clients give back."""

from dataclasses import dataclass, field


class BrokenOff(Exception):
    """The message ended before its end."""


@dataclass
class Head:
    status: int
    fields: list[tuple[str, str]]

    def all(self, name: str) -> list[str]:
        return [value for named, value in self.fields if named == name]

    def one(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} comes {len(values)} times"
        return values[0] if values else None


@dataclass
class Answer(Head):
    body: bytes = b""
    informational: list[Head] = field(default_factory=list)
