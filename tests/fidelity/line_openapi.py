"""LINE's own OpenAPI documents, made strict enough to refuse what LINE refuses.

Their polymorphic schemas have a `discriminator` but no `oneOf`, so that a validator compares an
object with the base only and lets a text message without text through. Every such base becomes a
`oneOf` of its kinds here, and each kind names its own `type`.
"""

import pathlib

import yaml

SHARED = pathlib.Path("../shared/specs/line")
SCHEMAS = "#/components/schemas/"


def messaging():
    """What a bot calls."""
    return strict(load("messaging-api.yml"))


def webhook():
    """What LINE calls, with the event for edited messages, which is newer than the document."""
    document = load("webhook.yml")
    schemas = document["components"]["schemas"]
    schemas["MessageEditedEvent"] = {
        "allOf": [
            {"$ref": SCHEMAS + "Event"},
            {
                "type": "object",
                "required": ["message"],
                "properties": {
                    "replyToken": {"type": "string"},
                    "message": {"$ref": SCHEMAS + "MessageContent"},
                },
            },
        ]
    }
    mapping = schemas["Event"]["discriminator"]["mapping"]
    mapping["messageEdited"] = SCHEMAS + "MessageEditedEvent"
    return strict(document)


def load(name):
    """One of the documents as it was published."""
    return yaml.load((SHARED / name).read_text(), Loader=yaml.CSafeLoader)


def strict(document):
    """Turns every base with a discriminator into a choice between its kinds."""
    schemas = document["components"]["schemas"]
    mappings = {
        name: schema["discriminator"]["mapping"]
        for name, schema in schemas.items()
        if "mapping" in schema.get("discriminator", {})
    }
    document = point_to_choices(document, set(mappings))
    schemas = document["components"]["schemas"]
    for base, mapping in mappings.items():
        kinds = {}
        for key, reference in mapping.items():
            kinds.setdefault(reference.removeprefix(SCHEMAS), []).append(key)
        field = schemas[base].pop("discriminator")["propertyName"]
        for kind, keys in kinds.items():
            named = {"required": [field], "properties": {field: {"enum": keys}}}
            schemas[kind].setdefault("allOf", []).append(named)
        schemas["Any" + base] = {"oneOf": [{"$ref": SCHEMAS + kind} for kind in kinds]}
    return document


def point_to_choices(node, bases):
    """References to a base become references to its choice, except where a kind inherits."""
    if isinstance(node, list):
        return [point_to_choices(item, bases) for item in node]
    if not isinstance(node, dict):
        return node
    changed = {}
    for key, value in node.items():
        if key == "allOf":
            changed[key] = [
                item if "$ref" in item else point_to_choices(item, bases) for item in value
            ]
        elif key == "$ref" and value.removeprefix(SCHEMAS) in bases:
            changed[key] = SCHEMAS + "Any" + value.removeprefix(SCHEMAS)
        elif key == "mapping":
            changed[key] = value
        else:
            changed[key] = point_to_choices(value, bases)
    return changed
