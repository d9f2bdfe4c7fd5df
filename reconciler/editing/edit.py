"""Drift taken into the YAML: the fields that changed are set where they are written, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

from reconciler.editing.holders import Holder, Holders, Sheet
from reconciler.editing.merging import TemplateMet, Terms, Three, applied, merged, same, step_into
from reconciler.editing.order import order_of
from reconciler.editing.revise import revised
from reconciler.editing.specs import Edited, Specs, prove
from reconciler.editing.tree import documents, origin
from reconciler.editing.writing import brief
from reconciler.errors import EditRefused, NotFound
from reconciler.model.change import ABSENT, FieldChange
from reconciler.model.resource import Origin, Resource, make_resource
from reconciler.model.value import Path
from reconciler.plan.paths import dotted
from reconciler.spec.finding import Way, value_at


def edit(
    specs: Specs,
    resource: Resource,
    changes: Sequence[FieldChange],
    *,
    allow_templates: bool = False,
) -> Edited:
    """Return the files as they have to be so that *changes* of *resource* are declared.

    *changes* are of the normalised body, as ``plan.diff`` gives them. A field goes where it is written: into
    the resource's document, the patch of the chosen environment that sets it, or the item of the set that
    makes the resource. A value that a template makes is replaced only with *allow_templates*. The
    edited files have been read again: the resource is as meant, and all others are as they were.

    Raises:
        SpecInvalid: if the files have errors already.
        NotFound: if they do not declare the resource.
        EditRefused: if it cannot be written so, or would change something else; nothing is half done.
    """
    loaded = specs.sound()
    declared = loaded.resources.get(resource.key)
    if declared is None:
        msg = f"{resource.key} is not declared in these files"
        raise NotFound(msg, hint="write it as a document of its own: reconciler export")
    _check_before(declared, changes)
    after = reduce(applied, changes, declared.body)
    meant = make_resource(declared.key, after)
    desk = _Desk(specs, declared, after, allow_templates=allow_templates)
    for change in changes:
        for leaf in _leaves(change, declared.body):
            desk.take(leaf)
    edited = desk.edited()
    expected = {**loaded.resources, declared.key: replace(declared, canonical=meant.canonical)}
    prove(specs, edited, expected, of=str(declared.key))
    return edited


def _check_before(declared: Resource, changes: Sequence[FieldChange]) -> None:
    """Refuse what changed in the files, too: which of the two is meant is for a person to say."""
    body: Any = declared.body
    for change in changes:
        found: Any = reduce(step_into, change.path, body)
        if not same(found, change.before) and not same(found, change.after):
            raise EditRefused(
                f"{declared.origin}: {dotted(change.path)} of {declared.key} was changed in the files, too",
                hint="look at both (reconciler plan --diff) and write the one that is meant",
            )


def _leaves(change: FieldChange, body: Mapping[str, Any]) -> Iterator[FieldChange]:
    """Yield *change* field by field: of one mapping, some may be set here and some there."""
    before: Any = body
    for step in change.path:
        before = step_into(before, step)
    after = change.after
    if same(before, after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            below = FieldChange(
                (*change.path, key), before.get(key, ABSENT), after.get(key, ABSENT)
            )
            yield from _leaves(below, body)
    else:
        yield FieldChange(change.path, before, after)


class _Desk:
    """The documents that are edited, and which changes go into which part of them."""

    def __init__(
        self, specs: Specs, declared: Resource, after: Mapping[str, Any], *, allow_templates: bool
    ) -> None:
        self._specs = specs
        self._key = declared.key
        self._body = declared.body
        self._after = after
        self._allow = allow_templates
        self._holders = Holders(specs, declared)
        self._parts: list[tuple[Holder, list[FieldChange]]] = []
        self._ways: list[tuple[Sheet, Way]] = []

    def take(self, leaf: FieldChange) -> None:
        """Take in the change of one field."""
        patches = self._holders.patched(leaf.path)
        if patches and leaf.after is not ABSENT:
            self._put(patches[-1], leaf)
            return
        for holder in patches:
            self._put(holder, leaf)
        if not self._holders.in_set:
            self._put(self._holders.document, leaf)
        elif not patches:
            self._set_item(leaf)

    def _put(self, holder: Holder, leaf: FieldChange) -> None:
        for known, leaves in self._parts:
            if known == holder:
                leaves.append(leaf)
                break
        else:
            self._parts.append((holder, [leaf]))
        way = leaf.path[1:] if holder != self._holders.document else leaf.path
        self._ways.append((holder.sheet, (*holder.base, *way)))

    def _set_item(self, leaf: FieldChange) -> None:
        """Set the key of a set's item that makes the field."""
        at, key = self._holders.item_of(leaf.path)
        sheet = self._holders.document.sheet
        if leaf.after is ABSENT:
            where = self._holders.place(self._holders.document, ("spec", "items", at, key))
            said = f"{where}: '{key}' cannot be removed from an item of the set: the template asks for it"
            raise EditRefused(said, hint="edit the set by hand")
        sheet.data["spec"]["items"][at][key] = leaf.after
        self._ways.append((sheet, ("spec", "items", at, key)))

    def edited(self) -> Edited:
        """Return the files with all that was taken in."""
        few = brief(self._key, self._after)
        for holder, leaves in self._parts:
            self._merge(holder, reduce(applied, leaves, self._body), few)
        texts: dict[str, str] = {}
        for sheet in self._holders.sheets:
            _without_empty_patches(sheet)
            if not same(sheet.data, sheet.root.plain()):
                text = texts.get(sheet.file) or self._specs.text(sheet.file)
                texts[sheet.file] = revised(text, sheet.at, sheet.data, order_of(sheet.kind))
        files = {file: self._specs.content(file, text) for file, text in texts.items()}
        return Edited(files, tuple(dict.fromkeys(self._places(texts))))

    def _merge(self, holder: Holder, after: Mapping[str, Any], few: Mapping[str, Any]) -> None:
        patch = holder != self._holders.document
        whole = (self._body, after, few)
        before, wanted, short = (one["spec"] if patch else one for one in whole)
        three = Three(holder.written, before, wanted, short)
        try:
            made = merged(three, self._terms(holder))
        except TemplateMet as met:
            raise self._template(holder, met.way) from None
        _set(holder.sheet, holder.base, {} if made is ABSENT else made)

    def _terms(self, holder: Holder) -> Terms:
        return Terms(self._allow, lambda way: self._holders.commented(holder, way))

    def _template(self, holder: Holder, way: Way) -> EditRefused:
        where = self._holders.place(holder, way)
        path = ("spec", *way) if holder != self._holders.document else way
        said = f"{where}: {dotted(_words(path))} of {self._key} is made by a template"
        return EditRefused(
            said, hint="change what the template is filled in from, or let the value replace it"
        )

    def _places(self, texts: Mapping[str, str]) -> Iterator[Origin]:
        for sheet, way in self._ways:
            if sheet.file in texts:
                root = documents(texts[sheet.file])[sheet.at]
                yield origin(texts[sheet.file], root.nearest(way).start, sheet.file)


def _words(way: Way) -> Path:
    return tuple(str(step) for step in way)


def _set(sheet: Sheet, base: Way, value: Any) -> None:
    if not base:
        sheet.data = value
        return
    value_at(sheet.data, base[:-1])[base[-1]] = value


def _without_empty_patches(sheet: Sheet) -> None:
    """Take out patches that no longer change anything: an empty one is not taken."""
    patches = value_at(sheet.data, ("spec", "patches"))
    if sheet.kind != "Environment" or not isinstance(patches, list):
        return
    left = [patch for patch in patches if patch["spec"]]
    if len(left) < len(patches) and left:
        sheet.data["spec"]["patches"] = left
    elif not left:
        del sheet.data["spec"]["patches"]
