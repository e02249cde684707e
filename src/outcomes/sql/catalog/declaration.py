"""What a declaration read from a file must hold: each kind is a model, and an error names the file and the field."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from outcomes.errors import OutcomesError

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""Words that a reader sees; never empty."""


class Declaration(BaseModel):
    """Something declared in a file of `sql/`: every field is known, and nothing changes once read."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    @classmethod
    def read(
        cls, fields: Mapping[str, Any], where: str, line_of: Callable[[tuple[str | int, ...]], int] | None = None
    ) -> Self:
        """The declaration of these fields.

        Args:
            fields: as they stand in the file.
            where: the file, and the place in it where it declares several.
            line_of: tells the line of a field in the file, when that can be told.

        Raises:
            OutcomesError: definition_malformed; names the file, the line and the field.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            problems = (
                ": ".join(
                    filter(
                        None,
                        (line_of and f"line {line_of(each['loc'])}", ".".join(map(str, each["loc"])), each["msg"]),
                    )
                )
                for each in error.errors()
            )
            raise OutcomesError("definition_malformed", f"{where}: {'; '.join(problems)}") from None
