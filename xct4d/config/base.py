"""What every section of the configuration is made of, and how a wrong key is explained."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, field_validator
from pydantic_core import PydanticCustomError

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Device = Literal["auto", "cpu", "cuda"]
NAME = "[A-Za-z0-9_-]+"  # of a dataset, and so of its folder


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _numbers_are_numbers(cls, value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        """A key that takes numbers alone takes neither text nor true and false, which pydantic would turn into numbers."""
        if _leaves(cls.model_fields[str(info.field_name)].annotation) <= {int, float, type(None)}:
            for each in _values(value):
                if isinstance(each, (bool, str)):
                    raise PydanticCustomError("number", "must be a number, not {shown}", {"shown": _written(each)})
        return validate(value)


def explain(error: ValidationError, root: type[Section]) -> str:
    """The first error that pydantic found, in one line: the key, what is wrong, the nearest valid key."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        valid = _keys_at(first["loc"][:-1], root)
        near = difflib.get_close_matches(str(first["loc"][-1]), valid, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"valid keys are {', '.join(valid)}"
        return f"{key}: unknown key; {hint}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return f"{key}: is required"
    shown = repr(first["input"])
    return f"{key}: {message}" + (f" (is {shown})" if len(shown) < 60 else "")


def _keys_at(location: tuple, root: type[Section]) -> list[str]:
    """Valid keys of the section at a location: names and indices from the root, as pydantic gives them."""
    model: Any = root
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        model = section_of(field.annotation) if field is not None else None
        if model is None:
            return []
    return list(model.model_fields)


def _leaves(annotation: Any) -> set:
    """The types of single values in a key's type: of `list[Fraction] | None` float and NoneType."""
    inner = [each for each in getattr(annotation, "__args__", ()) if each is not Ellipsis]
    if get_origin(annotation) is Literal or not inner:
        return {annotation}
    if get_origin(annotation) is Annotated:
        return _leaves(annotation.__origin__)
    return set().union(*map(_leaves, inner))


def _values(value: Any) -> list:
    return [each for item in value for each in _values(item)] if isinstance(value, (list, tuple)) else [value]


def _written(value: bool | str) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else f"text ('{value}')"


def section_of(annotation: Any) -> type[Section] | None:
    """The section in a key's type: of `Split`, of `VolumeFile | None`, of `list[Level]`; None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (found := section_of(inner)) is not None:
            return found
    return None
