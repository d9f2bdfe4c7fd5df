"""Regular expressions in linear time, for the tests ``search`` and ``match`` of templates.

A spec author writes the pattern and a customer's system the text, so neither may make the other slow.
Patterns become a machine that looks at each character once (Python's own engine goes back, and needs
for ever for some). Hence: no back-references and no look-around. The machine's steps are worked out
as texts ask for them, and forgotten when there are many.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

LONGEST_PATTERN: Final = 256
MOST_STATES: Final = 1_000
MOST_STEPS_KEPT: Final = 4_096
DEEPEST_GROUP: Final = 10

_COUNT: Final = re.compile(r"([*+?])|\{(\d{1,4})(,)?(\d{1,4})?\}")
_CLASS: Final = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_IN_CLASS: Final = re.compile(r"(?<!\\)(?:(?<=-)-|[\[&~|])")
_ESCAPE: Final = re.compile(
    r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[dDsSwWnrtfv]|[^A-Za-z0-9])", re.DOTALL
)
_WORD: Final = re.compile(r"\w")
_ANCHORS: Final = {
    "^": "start",
    "$": "end",
    r"\A": "start",
    r"\Z": "end",
    r"\b": "edge",
    r"\B": "inside",
}

_SPECIAL: Final = re.compile(r"[][\\^$.|?*+(){}]")
_START, _INSIDE_WORD, _OUTSIDE_WORD = 0, 1, 2

_Takes = Callable[[str], object]
_Part = tuple[int, int]


def compile_pattern(text: str, *, ignore_case: bool = False) -> "Pattern":
    """Return the machine of the regular expression *text*.

    Raises:
        ValueError: if it is too long, broken, or uses what cannot be held to linear time.
    """
    if len(text) > LONGEST_PATTERN:
        msg = f"a pattern has {LONGEST_PATTERN} characters at most, this one has {len(text)}"
        raise ValueError(msg)
    builder = _Builder(text, re.DOTALL | (re.IGNORECASE if ignore_case else re.NOFLAG))
    first, last = builder.build()
    pattern = Pattern(text, builder.states, first, last)
    pattern.plain = not ignore_case and not _SPECIAL.search(text)
    return pattern


@dataclass(slots=True)
class _State:
    """A character to take (``takes``), a condition to meet (``meets``), or neither; then the ways on."""

    takes: _Takes | None = None
    meets: str | None = None
    ways: list[int] = field(default_factory=list)


class Pattern:
    """A compiled pattern. ``search`` finds it anywhere, ``match`` at the start of a text.

    ``plain``: it has nothing special, and is looked for as it stands.
    """

    def __init__(self, text: str, states: list[_State], first: int, last: int) -> None:
        self.text = text
        self._states = states
        self._first = first
        self._last = last
        self.plain = False
        self._known: dict[tuple[frozenset[int], int, str | None], frozenset[int] | None] = {}

    def search(self, text: str) -> bool:
        """Whether the pattern is found anywhere in *text*."""
        if self.plain:
            return self.text in text
        return self._run(text, frozenset({self._first}))

    def match(self, text: str) -> bool:
        """Whether the pattern is found at the start of *text*."""
        return self._run(text, frozenset())

    def _run(self, text: str, again: frozenset[int]) -> bool:
        """Walk *text* once; *again* are the states that each position starts anew."""
        known = self._known
        current = frozenset({self._first})
        before = _START
        for char in (*text, None):
            key = (current, before, char)
            if key in known:
                found = known[key]
            else:
                if len(known) >= MOST_STEPS_KEPT:
                    known.clear()
                found = known[key] = self._step(*key)
            if found is None:
                return True
            current = found | again
            if not current:
                return False
            before = _INSIDE_WORD if char is not None and _WORD.match(char) else _OUTSIDE_WORD
        return False

    def _step(
        self, current: frozenset[int], before: int, char: str | None
    ) -> frozenset[int] | None:
        """Return the states after *char*; ``None`` if the pattern is found before it."""
        seen: set[int] = set()
        after: set[int] = set()
        open_: list[int] = list(current)
        while open_:
            at = open_.pop()
            if at in seen:
                continue
            seen.add(at)
            if at == self._last:
                return None
            state = self._states[at]
            if state.takes is not None:
                if char is not None and state.takes(char):
                    after.update(state.ways)
            elif state.meets is None or _meets(state.meets, before, char):
                open_.extend(state.ways)
        return frozenset(after)


def _meets(condition: str, before: int, char: str | None) -> bool:
    """Whether a place between what was *before* and *char* meets an anchor's *condition*."""
    if condition == "start":
        return before == _START
    if condition == "end":
        return char is None
    edge = (before == _INSIDE_WORD) != (char is not None and _WORD.match(char) is not None)
    return edge if condition == "edge" else not edge


class _Builder:
    """Reads a pattern from left to right into states; a part is its first and its last state."""

    def __init__(self, text: str, flags: re.RegexFlag) -> None:
        self.states: list[_State] = []
        self._text = text
        self._flags = flags
        self._at = 0

    def build(self) -> _Part:
        """Return the part that is the whole pattern."""
        part = self._either(0)
        if self._at < len(self._text):
            raise self._broken("a ')' without its '('")
        return part

    def _broken(self, why: str) -> ValueError:
        return ValueError(f"pattern {self._text!r}: {why}, at character {self._at + 1}")

    def _new(self, takes: _Takes | None = None, meets: str | None = None) -> int:
        if len(self.states) >= MOST_STATES:
            raise self._broken(f"more than {MOST_STATES} states; use smaller counts")
        self.states.append(_State(takes, meets))
        return len(self.states) - 1

    def _link(self, start: int, end: int) -> None:
        self.states[start].ways.append(end)

    def _either(self, depth: int) -> _Part:
        """Read alternatives up to a ``)`` or the end."""
        if depth > DEEPEST_GROUP:
            raise self._broken(f"groups more than {DEEPEST_GROUP} deep")
        first, last = self._new(), self._new()
        while True:
            start, end = self._sequence(depth)
            self._link(first, start)
            self._link(end, last)
            if not self._text.startswith("|", self._at):
                return first, last
            self._at += 1

    def _sequence(self, depth: int) -> _Part:
        first = last = self._new()
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            start, end = self._counted(depth)
            self._link(last, start)
            last = end
        return first, last

    def _counted(self, depth: int) -> _Part:
        """Read one part and how often it may come."""
        at = self._at
        part = self._one(depth)
        count = _COUNT.match(self._text, self._at)
        if count is None:
            return part
        after = self._at = count.end()
        least, most = _bounds(count)
        if most is not None and most < least:
            raise self._broken("the second count is below the first")
        if self._text.startswith("?", after):
            after += 1  # a lazy count: which of several finds is taken does not matter here
        if _COUNT.match(self._text, after):
            raise self._broken("a count after a count")

        def again() -> _Part:
            self._at = at
            return self._one(depth)

        part = self._repeat(again, least, most)
        self._at = after
        return part

    def _repeat(self, again: Callable[[], _Part], least: int, most: int | None) -> _Part:
        first = last = self._new()
        for _ in range(least):
            start, end = again()
            self._link(last, start)
            last = end
        end = self._new()
        if most is None:
            start, turn = again()
            self._link(last, end)
            self._link(end, start)
            self._link(turn, end)
            return first, end
        for _ in range(most - least):
            self._link(last, end)
            start, turn = again()
            self._link(last, start)
            last = turn
        self._link(last, end)
        return first, end

    def _one(self, depth: int) -> _Part:
        """Read a group, an anchor or a character."""
        text, at = self._text, self._at
        if text[at] == "(":
            return self._group(depth)
        if text[at] in "*+?" or _COUNT.match(text, at):
            raise self._broken("a count with nothing before it")
        for sign, meaning in _ANCHORS.items():
            if text.startswith(sign, at):
                self._at += len(sign)
                state = self._new(meets=meaning)
                return state, state
        takes = self._new(self._takes())
        last = self._new()
        self._link(takes, last)
        return takes, last

    def _group(self, depth: int) -> _Part:
        self._at += 1
        if self._text.startswith("?", self._at):
            if not self._text.startswith("?:", self._at):
                raise self._broken("only plain groups '(…)' and '(?:…)' are allowed")
            self._at += 2
        part = self._either(depth + 1)
        if not self._text.startswith(")", self._at):
            raise self._broken("a '(' without its ')'")
        self._at += 1
        return part

    def _takes(self) -> _Takes:
        """Read one character, or a class of them."""
        text, at = self._text, self._at
        char = text[at]
        if char == "[":
            found = _CLASS.match(text, at)
        elif char == "\\":
            found = _ESCAPE.match(text, at)
        else:
            self._at += 1
            return re.compile(char if char == "." else re.escape(char), self._flags).match
        if found is None:
            raise self._broken("a '[' without its ']'" if char == "[" else "an unknown escape")
        self._at = found.end()
        plain = _IN_CLASS.sub(r"\\\g<0>", found[0][1:-1]) if char == "[" else ""
        try:
            return re.compile(f"[{plain}]" if plain else found[0], self._flags).match
        except re.error as error:
            raise self._broken(f"{error}") from error


def _bounds(count: re.Match[str]) -> tuple[int, int | None]:
    sign, least, comma, most = count.groups()
    if sign:
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
    if comma and not most:
        return int(least), None
    return int(least), int(most or least)
