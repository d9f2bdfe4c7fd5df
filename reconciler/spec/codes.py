"""The codes of problems: stable, each with its meaning and what to do. ``docs/problems.md`` shows them."""

from typing import Final, NamedTuple


class Code(NamedTuple):
    """What a code means, and what to do about it."""

    meaning: str
    remedy: str


CODES: Final[dict[str, Code]] = {
    "R001": Code("The file is not UTF-8.", "Save it as UTF-8; a byte order mark is allowed."),
    "R002": Code("The file is larger than 1 MiB.", "Split it into several files."),
    "R003": Code(
        "A limit was passed: 64 levels deep, 50,000 keys and values a document, 100 problems a document.",
        "Write it flatter or split it; correct the problems that are shown first.",
    ),
    "R004": Code(
        "The text is not YAML.",
        "Look at the indentation, and at quotes and brackets that are not closed.",
    ),
    "R005": Code("A tab.", "Indent with spaces; in a text write `\\t` in double quotes."),
    "R006": Code(
        "A character that cannot be seen: a control character, a change of writing direction.",
        "Remove it. In a text in double quotes, `\\n` and `\\t` are allowed.",
    ),
    "R007": Code("A YAML directive (`%YAML`, `%TAG`).", "Remove the line; YAML 1.2 is meant."),
    "R010": Code(
        "An anchor, an alias or a merge key.",
        "Write the value out. For many similar connections use a `ConnectionSet`.",
    ),
    "R011": Code("A YAML tag (`!!str`).", "Remove it; put a text in quotes."),
    "R012": Code("A key is given twice.", "Keep one of the two; the message names both lines."),
    "R013": Code(
        "A key is not a text, or a template stands without quotes.",
        'Put the key in quotes (`"1":`), and the template too: `"{{ vars.x }}"`.',
    ),
    "R014": Code(
        "A word that some YAML readers take for true, false or null (`yes`, `on`, `No`).",
        "Write `true`, `false` or `null`, or put the word in quotes if it is a text.",
    ),
    "R015": Code(
        "A number that readers of YAML disagree on (`12:30`, `010`, `1_000`), one over 64 bits, or `.inf`.",
        "Put it in quotes, or write a plain decimal number.",
    ),
    "R100": Code("A document is not a mapping of keys.", "Start with `apiVersion: reconciler/v1`."),
    "R101": Code("An unknown key.", "Correct it; the message offers the nearest known key."),
    "R102": Code("A key is missing.", "Add it."),
    "R103": Code("A value of the wrong type.", "Write a value of the type that the message names."),
    "R104": Code(
        "An entity or field that the unified model does not have.",
        "Correct the name, or put the field under `customFields`.",
    ),
    "R105": Code(
        "A value that is not allowed.", "Write one of the values or forms that the message names."
    ),
    "R106": Code(
        "A value out of its range.", "Write a value within the bounds that the message names."
    ),
    "R107": Code("Keys that do not go together.", "Keep those that the message names."),
    "R108": Code("An unknown kind.", "Correct it; `reconciler schema` lists all kinds."),
    "R109": Code("An unknown `apiVersion`.", "Write `apiVersion: reconciler/v1`."),
    "R120": Code(
        "A JMESPath expression that cannot be read.", "Correct it at the column that is shown."
    ),
    "R121": Code(
        "A template that cannot be read, or uses what is not allowed.",
        "Use names, filters, tests and `if` only: no loops, calls or macros.",
    ),
    "R122": Code(
        "A template that cannot be filled in: an unknown name, or a value that does not fit.",
        "Define the variable in the environment, correct its name, or add `| default(…)`.",
    ),
    "R123": Code("A cron expression that cannot be read or never comes.", "Write five fields."),
    "R124": Code("An unknown time zone.", "Write a name such as `Europe/Amsterdam`, or `UTC`."),
    "R130": Code(
        "A test of a mapping fails: its source record becomes something else than it expects.",
        "Correct the rule, or what the test expects; `reconciler mapping test` shows all that differs.",
    ),
    "R131": Code(
        "Rules of a mapping with tests that cannot be run.",
        "Correct the rule as the message says.",
    ),
    "R201": Code(
        "A reference to something that is not declared.", "Correct the name, or declare it."
    ),
    "R202": Code("Two documents of one kind have the same name.", "Rename one of them."),
    "R203": Code(
        "A `previousName` that is still in use, is claimed twice, or goes in a circle.",
        "Remove it once the rename is applied.",
    ),
    "R204": Code(
        "The chosen environment is not declared, or there are two defaults.", "Choose another."
    ),
    "R205": Code(
        "A list of a `ConnectionSet` that is missing, empty or cannot be read.",
        "Put the CSV or JSON file beside the document; CSV needs a header line.",
    ),
    "R206": Code(
        "Two mappings of one connection and entity make the same field.",
        "Keep the rule in one of them.",
    ),
    "R207": Code("A selector or patch that chooses nothing.", "Correct the labels or the name."),
    "R208": Code("A pattern of events that no event fits.", "Correct the name."),
    "R301": Code("A setting that the connector does not have.", "Correct its name, or remove it."),
    "R302": Code("A setting that the connector needs is missing.", "Add it."),
    "R303": Code("A setting of the wrong type or value.", "Write what the message asks for."),
    "R304": Code("An auth method that the connector does not have.", "Choose one that it has."),
    "R305": Code(
        "An entity that the connector does not have, or that the connection does not sync.",
        "Choose another entity, or add it to the connection's `entities`.",
    ),
    "R401": Code(
        "A secret written as a literal.",
        "Write `{env: NAME}`, `{file: PATH}` or `{connect: true}`, and change the secret: it was in a file.",
    ),
    "R402": Code(
        "A text that looks like a secret (an access key, a token, a private key).",
        "Give it by reference, and change it if it is one: it was in a file.",
    ),
    "R403": Code(
        "An unknown provider of secrets.",
        "Write `{env: NAME}`, `{file: PATH}` or another form that is built in, or install its plug-in.",
    ),
    "R601": Code(
        "A second policy, or a policy of several documents.",
        "Keep all rules and windows in one document: `reconciler-policy.yaml` at the root of the specs.",
    ),
    "R602": Code("Two rules of the policy have the same name.", "Rename one of them."),
    "POLICY": Code(
        "An object breaks a rule of the team's own policy (`docs/policy.md`); the word behind `POLICY` names the rule.",
        "See to what the rule asks for, or change the rule in `reconciler-policy.yaml`.",
    ),
    "R500": Code(
        "The reader failed on this document.",
        "Tell us; the document is not taken, all others are looked at.",
    ),
}
"""By code. Codes are added, never reused."""


def problems_markdown() -> str:
    """Return the page of all codes."""
    rows = [f"| {code} | {meaning} | {remedy} |" for code, (meaning, remedy) in CODES.items()]
    return "\n".join(
        [
            "# Problems",
            "",
            "What `reconciler validate` finds. A code keeps its meaning for ever.",
            "",
            "| code | meaning | what to do |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )
