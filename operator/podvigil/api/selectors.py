"""Label selectors as in metav1."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from podvigil.api.base import ApiModel, rule, rules


class SelectorOperator(StrEnum):
    """As in metav1.LabelSelectorRequirement."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


LabelKey = Annotated[str, Field(min_length=1, max_length=317)]
LabelValue = Annotated[str, Field(max_length=63)]


class SelectorRequirement(ApiModel):
    """One expression of a label selector."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 "
                ": !has(self.values) || size(self.values) == 0",
                "In and NotIn need values; Exists and DoesNotExist must not have any",
            )
        )
    )
    key: Annotated[LabelKey, Field(description="The label's key.")]
    operator: Annotated[SelectorOperator, Field(description="How the label is compared with the values.")]
    values: Annotated[
        tuple[LabelValue, ...] | None,
        Field(max_length=64, description="The values of In and NotIn; absent for the other operators."),
    ] = None


class LabelSelector(ApiModel):
    """A label selector as in metav1; an empty one selects everything."""

    match_labels: Annotated[
        dict[str, LabelValue] | None,
        Field(max_length=32, description="Labels that must all be there with exactly these values."),
    ] = None
    match_expressions: Annotated[
        tuple[SelectorRequirement, ...] | None,
        Field(max_length=32, description="Expressions that must all hold."),
    ] = None

    def written(self) -> str:
        """Return the selector as the `labelSelector` query parameter takes it."""
        terms = [f"{k}={v}" for k, v in sorted((self.match_labels or {}).items())]
        for want in self.match_expressions or ():
            values = f"({','.join(want.values or ())})"
            match want.operator:
                case SelectorOperator.IN:
                    terms.append(f"{want.key} in {values}")
                case SelectorOperator.NOT_IN:
                    terms.append(f"{want.key} notin {values}")
                case SelectorOperator.EXISTS:
                    terms.append(want.key)
                case SelectorOperator.DOES_NOT_EXIST:
                    terms.append(f"!{want.key}")
        return ",".join(terms)
