"""An OpenAPI document made from the machine-readable description of Telegram's Bot API.

Every method is a POST with a JSON body; a field that the description does not know is refused, in
calls as in answers. Types that contain themselves are opened once: Prism compares nothing at all,
and says nothing, where a schema leads back to itself.
"""

import json
import pathlib

SHARED = pathlib.Path("../shared/specs/telegram/api.json")
SCHEMAS = "#/components/schemas/"
SIMPLE = {"String": "string", "Integer": "integer", "Float": "number", "Boolean": "boolean"}
# Given as an identifier or an address in JSON; uploads are multipart and not compared here.
AS_TEXT = {"InputFile"}
# Half of all that a message may hold, and spoken by nobody here: any object will do.
UNOPENED = {"RichMessage", "ExternalReplyInfo", "Poll"}
# Fields that are newer than the description (Bot API 10.3); the libraries ask for them.
NEWER = {"ChatMemberAdministrator": ["can_send_welcome_messages"]}


def bot_api():
    """The whole Bot API."""
    description = json.loads(SHARED.read_text())
    paths = {
        f"/{{token}}/{name}": {"post": operation(name, found)}
        for name, found in description["methods"].items()
    }
    return document(description, paths)


def webhook():
    """What Telegram calls: `POST /hook` with one update."""
    body = {"application/json": {"schema": {"$ref": SCHEMAS + "Update"}}}
    post = {
        "requestBody": {"required": True, "content": body},
        "responses": {"200": answer("The update was taken", {"type": "object"})},
    }
    return document(json.loads(SHARED.read_text()), {"/hook": {"post": post}})


def document(description, paths):
    """These paths with all types of the description."""
    schemas = {name: of_type(found) for name, found in description["types"].items()}
    for name, fields in NEWER.items():
        for field in fields:
            schemas[name]["properties"].setdefault(field, {"type": "boolean"})
    done = set()
    for name in ["Message", *schemas]:
        cut_circles(schemas, name, [], done)
    return {
        "openapi": "3.0.3",
        "info": {"title": "Telegram Bot API", "version": description["version"]},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def of_type(found):
    """A type, as the choice of its kinds or as an object with its fields."""
    if found["name"] in AS_TEXT:
        return {"type": "string"}
    if found["name"] in UNOPENED:
        return {"type": "object"}
    if found.get("subtypes"):
        return choice(found["subtypes"])
    return with_fields(found.get("fields", []))


def cut_circles(schemas, name, above, done):
    """Replaces each reference from `name` downwards that leads back to a type above it."""
    if name in done:
        return
    for node in references(schemas[name]):
        target = node["$ref"].removeprefix(SCHEMAS)
        if target == name or target in above:
            del node["$ref"]
        else:
            cut_circles(schemas, target, [*above, name], done)
    done.add(name)


def references(node):
    """Every `{"$ref": ..}` below `node`."""
    if isinstance(node, list):
        return [found for item in node for found in references(item)]
    if not isinstance(node, dict):
        return []
    if isinstance(node.get("$ref"), str):
        return [node]
    return [found for item in node.values() for found in references(item)]


def with_fields(fields):
    """An object that has these fields and no others."""
    schema = {
        "type": "object",
        "properties": {field["name"]: choice(field["types"]) for field in fields},
        "additionalProperties": False,
    }
    required = [field["name"] for field in fields if field["required"]]
    return schema | ({"required": required} if required else {})


def choice(names):
    """Any of the named types."""
    schemas = [one(name) for name in names]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def one(name):
    """The named type; `Array of X` may be nested."""
    if name.startswith("Array of "):
        return {"type": "array", "items": one(name.removeprefix("Array of "))}
    if name in SIMPLE:
        return {"type": SIMPLE[name]}
    return {"$ref": SCHEMAS + name}


def operation(name, found):
    """One method."""
    fields = found.get("fields", [])
    body = {
        "required": any(field["required"] for field in fields),
        "content": {"application/json": {"schema": with_fields(fields)}},
    }
    token = {
        "name": "token",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": r"^bot\d+:[\w-]+$"},
    }
    return {
        "operationId": name,
        "parameters": [token],
        "requestBody": body,
        "responses": {
            "200": answer("The method worked", result(found["returns"])),
            "default": answer("The method failed", FAILURE),
        },
    }


def answer(description, schema):
    """A JSON response."""
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def result(names):
    """What a method that worked answers."""
    return {
        "type": "object",
        "required": ["ok", "result"],
        "properties": {
            "ok": {"type": "boolean", "enum": [True]},
            "result": choice(names),
            "description": {"type": "string"},
        },
        "additionalProperties": False,
    }


FAILURE = {
    "type": "object",
    "required": ["ok", "error_code", "description"],
    "properties": {
        "ok": {"type": "boolean", "enum": [False]},
        "error_code": {"type": "integer"},
        "description": {"type": "string"},
        "parameters": {"$ref": SCHEMAS + "ResponseParameters"},
    },
    "additionalProperties": False,
}
