"""`HealthGate`: the gate inside an op or asset.

Annotations are real objects here: Dagster reads them.
"""

from typing import Literal

import dagster as dg

from busta_health_dagster.gate.asking import Answer, Question, asked, named, policy_of


class HealthGate(dg.ConfigurableResource["HealthGate"]):
    """Asks the monitor whether sources may be used now. Without `url` it reads the home that BUSTA_HOME names; with one it asks
    the busta there, with `token`. `consumer` is an entry of `consumers:`.
    """

    consumer: str | None = None
    url: str | None = None
    token: str | None = None

    def check(
        self,
        *sources: str,
        min_quality: float | None = None,
        max_data_age: str | None = None,
        unknown: Literal["block", "allow"] | None = None,
    ) -> Answer:
        """May they be used, and why not. Arguments may only ask for more than the sources' own `gate:`.

        Raises:
            BadInput: no source, or an argument that cannot be used.
        """
        names = named(sources, self.consumer, "HealthGate")
        policy = policy_of("HealthGate", min_quality, max_data_age, unknown)
        return asked(Question(names, self.consumer, policy, self.url, self.token))

    def require(
        self,
        *sources: str,
        min_quality: float | None = None,
        max_data_age: str | None = None,
        unknown: Literal["block", "allow"] | None = None,
    ) -> None:
        """Go on only if all of them may be used.

        Raises:
            Failure: one may not; with the reason, and never retried: the gate would say the same.
            BadInput: as `check`.
        """
        answer = self.check(*sources, min_quality=min_quality, max_data_age=max_data_age, unknown=unknown)
        if answer.usable:
            return
        metadata: dict[str, dg.MetadataValue] = {"reason": dg.MetadataValue.text(answer.reason)}
        page = self._page(answer.sources)
        if page is not None:
            metadata["page"] = page
        raise dg.Failure(f"The gate is closed: {answer.reason}", metadata=metadata, allow_retries=False)

    def _page(self, sources: tuple[str, ...]) -> dg.MetadataValue | None:
        """The page of the first source."""
        if not sources:
            return None
        path = f"/source-health/{sources[0]}"
        return dg.MetadataValue.url(f"{self.url.rstrip('/')}{path}" if self.url else path)
